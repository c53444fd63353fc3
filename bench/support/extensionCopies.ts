import { cpSync, mkdirSync, readFileSync, writeFileSync } from 'node:fs';
import path from 'node:path';

/** An extension can be activated once in the life of a window: so each activation that is measured has a copy of its own. */

export const copies = 20;
export const extensionKinds = ['A2IA', 'empty'] as const;
export type ExtensionKind = (typeof extensionKinds)[number];

/** What the activation of a copy gives. */
export interface ActivatedCopy {
  readonly loadMs: number;
  readonly activateMs: number;
  /** Undoes it, since no two extensions may register the same command. */
  dispose(): void;
}

const publisher = 'bench';
const version = '0.0.0';
const nameOf = (kind: ExtensionKind, index: number) => `${kind.toLowerCase()}-${index}`;

export function extensionId(kind: ExtensionKind, index: number): string {
  return `${publisher}.${nameOf(kind, index)}`;
}

/** Both kinds have the same one. */
const main = `const startedMs = performance.now();
const extension = require('./dist/extension.cjs');
const loadedMs = performance.now();
exports.activate = async (context) => {
  const calledMs = performance.now();
  await extension.activate(context);
  return {
    loadMs: loadedMs - startedMs,
    activateMs: performance.now() - calledMs,
    dispose: () => context.subscriptions.splice(0).forEach((subscription) => subscription.dispose()),
  };
};
`;

/**
 * Copies of A2IA as it is packaged, and as many extensions with an `activate` that does nothing. None activates by itself.
 * @param extensionsDir where they are installed
 * @param dist of a production build
 */
export function makeExtensionCopies(extensionsDir: string, dist: string, manifestFile: string): void {
  const { engines, extensionKind, contributes } = JSON.parse(readFileSync(manifestFile, 'utf8')) as Manifest;
  const make = (kind: ExtensionKind, index: number) => {
    const copy = path.join(extensionsDir, `${extensionId(kind, index)}-${version}`);
    mkdirSync(path.join(copy, 'dist'), { recursive: true });
    // Settings are registered once for all.
    const configuration = kind === 'A2IA' && index === 0 ? contributes.configuration : [];
    const manifest = {
      publisher,
      name: nameOf(kind, index),
      version,
      main: './main.cjs',
      activationEvents: [],
    };
    const json = JSON.stringify({ ...manifest, engines, extensionKind, contributes: { configuration } });
    writeFileSync(path.join(copy, 'package.json'), json);
    writeFileSync(path.join(copy, 'main.cjs'), main);
    if (kind === 'A2IA') cpSync(dist, path.join(copy, 'dist'), { recursive: true });
    else writeFileSync(path.join(copy, 'dist', 'extension.cjs'), 'exports.activate = () => {};\n');
  };
  for (const kind of extensionKinds) for (let index = 0; index < copies; index++) make(kind, index);
}

interface Manifest {
  readonly engines: object;
  readonly extensionKind: readonly string[];
  readonly contributes: { readonly configuration: object };
}
