import assert from 'node:assert/strict';
import {
  copyFileSync,
  existsSync,
  globSync,
  mkdirSync,
  readdirSync,
  readFileSync,
  statSync,
  writeFileSync,
} from 'node:fs';
import { mkdtemp, rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import path from 'node:path';
import { backendIds } from '../src/core/clients/llmClient.ts';
import { BackendRegistry } from '../src/core/clients/registry.ts';
import { manifestConfiguration, restrictedKeys, schema } from '../src/core/settings/schema.ts';
import { parseSettings } from '../src/core/settings/settings.ts';
import { conformance, conformanceFile } from '../scripts/conformance.ts';
import { ProductionBuild } from './support/productionBuild.ts';
import { createTestHost } from './support/testHost.ts';

const root = path.join(import.meta.dirname, '..');
const read = (file: string) => readFileSync(path.join(root, file), 'utf8');

interface MenuItem {
  readonly command?: string;
  readonly submenu?: string;
}

interface Manifest {
  readonly contributes: {
    readonly configuration: { readonly properties: Readonly<Record<string, unknown>> };
    readonly commands: readonly { readonly command: string; readonly title: string; readonly category?: string }[];
    readonly keybindings: readonly { readonly command: string }[];
    readonly menus: Readonly<Record<string, readonly MenuItem[]>>;
    readonly walkthroughs: unknown;
    readonly submenus: readonly { readonly id: string; readonly label: string }[];
  };
  readonly capabilities: { readonly untrustedWorkspaces: { readonly restrictedConfigurations: readonly string[] } };
  readonly overrides: Readonly<Record<string, string>>;
}
const manifest = JSON.parse(read('package.json')) as Manifest;

/** Every import of every source file: by whom, of what, and whether it exists at run time. */
interface Import {
  readonly from: string;
  readonly to: string;
  readonly typeOnly: boolean;
  readonly dynamic: boolean;
}

const sources = globSync('src/**/*.ts', { cwd: root }).map((file) => file.replaceAll('\\', '/'));
const imports = sources.flatMap(importsOf);

function importsOf(file: string): Import[] {
  const text = read(file);
  const statics = [...text.matchAll(/^(?:import|export)\s+(type\s+)?(?:[^'";]*?from\s+)?'([^']+)'/gm)].map(
    ([, type, target]) => ({ type: type !== undefined, target: target ?? '', dynamic: false }),
  );
  const dynamics = [...text.matchAll(/import\('([^']+)'\)/g)].map(([, target]) => ({
    type: false,
    target: target ?? '',
    dynamic: true,
  }));
  return [...statics, ...dynamics].map(({ type, target, dynamic }) => ({
    from: file,
    to: target.startsWith('.') ? path.posix.join(path.posix.dirname(file), target) : target,
    typeOnly: type,
    dynamic,
  }));
}

/** Who may import whom: docs/architecture.md has the reasons. */
const layers: Readonly<Record<string, readonly string[]>> = {
  core: ['core'],
  protocol: [],
  webview: ['webview', 'protocol'],
  vscode: ['vscode', 'core', 'protocol'],
  cli: ['cli', 'core'],
};
const layerOf = (file: string) => file.split('/')[1] ?? '';

describe('The import graph', () => {
  it('was read whole', () => {
    assert.ok(sources.length > 30, `${sources.length} files`);
    for (const { from, to } of imports) {
      if (to.startsWith('src/')) assert.ok(existsSync(path.join(root, to)), `${from} imports ${to}`);
    }
  });

  it('keeps the layers', () => {
    const broken = imports.filter(({ from, to, typeOnly }) => {
      if (!to.startsWith('src/')) return false;
      const allowed = layers[layerOf(from)] ?? [];
      const typesFromCore = layerOf(from) === 'protocol' && layerOf(to) === 'core' && typeOnly;
      return layerOf(from) !== layerOf(to) && !allowed.includes(layerOf(to)) && !typesFromCore;
    });
    assert.deepEqual(broken, []);
  });

  it('lets clients, embedded engine and settings know nothing of what is built on them', () => {
    const broken = imports.filter(
      ({ from, to }) =>
        /^src\/core\/(clients|embedded|settings)\//.test(from) &&
        /^src\/core\/(chat|doctor|edit|completion|fit)\//.test(to),
    );
    assert.deepEqual(broken, []);
  });

  it('has no cycles at run time', () => {
    const next = new Map(
      sources.map((file) => [
        file,
        imports
          .filter(({ from, to, typeOnly }) => from === file && !typeOnly && to.startsWith('src/'))
          .map(({ to }) => to),
      ]),
    );
    const state = new Map<string, 'open' | 'done'>();
    const visit = (file: string, trail: readonly string[]): void => {
      if (state.get(file) === 'done') return;
      assert.notEqual(state.get(file), 'open', `cycle: ${[...trail, file].join(' → ')}`);
      state.set(file, 'open');
      for (const target of next.get(file) ?? []) visit(target, [...trail, file]);
      state.set(file, 'done');
    };
    for (const file of sources) visit(file, []);
  });

  it('imports vscode in src/vscode only', () => {
    const users = imports.filter(({ to }) => to === 'vscode').map(({ from }) => from);
    assert.ok(users.length > 0);
    for (const user of users) assert.match(user, /^src\/vscode\//);
  });

  it('loads packages on demand only, each in its own place', () => {
    const places: Readonly<Record<string, RegExp>> = {
      openai: /^src\/core\/clients\/openaiStyle\.ts$/,
      'ollama/browser': /^src\/core\/clients\/ollama(Api|Chat)\.ts$/,
      'node-llama-cpp': /^src\/core\/embedded\/worker[A-Za-z]*\.ts$/,
      'http-proxy-agent': /^src\/cli\/cliHost\.ts$/,
      'https-proxy-agent': /^src\/cli\/cliHost\.ts$/,
      'proxy-from-env': /^src\/cli\/cliHost\.ts$/,
    };
    const packages = imports.filter(
      ({ from, to }) => !from.startsWith('src/webview/') && !/^(src\/|node:|vscode$)/.test(to),
    );
    for (const { from, to, typeOnly, dynamic } of packages) {
      const name = Object.keys(places).find((candidate) => to === candidate || to.startsWith(`${candidate}/`));
      assert.ok(name, `${from} imports ${to}`);
      assert.match(from, places[name] ?? /^$/);
      assert.ok(typeOnly || dynamic, `${from} imports ${to} statically`);
    }
  });

  it('lets the panel use a reader of Markdown, and a highlighter that comes with the first code block', () => {
    const packages = imports.filter(({ from, to }) => from.startsWith('src/webview/') && !to.startsWith('src/'));
    assert.deepEqual([...new Set(packages.map(({ from, to }) => `${from} ${to.split('/')[0]}`))].sort(), [
      'src/webview/markdown/highlight.ts highlight.js',
      'src/webview/markdown/inline.ts marked',
    ]);
    const loaders = imports.filter(({ to }) => to === 'src/webview/markdown/highlight.ts');
    assert.ok(loaders.length > 0 && loaders.every(({ dynamic }) => dynamic));
  });

  it('has no barrels and no default exports', () => {
    for (const file of sources) assert.doesNotMatch(read(file), /^export (\*|default)/m, file);
  });
});

describe('The manifest', () => {
  it('has the settings of the schema (npm run manifest writes them)', () => {
    assert.deepEqual(manifest.contributes.configuration, JSON.parse(JSON.stringify(manifestConfiguration())));
  });

  it('restricts what decides where prompts go', () => {
    assert.deepEqual(manifest.capabilities.untrustedWorkspaces.restrictedConfigurations, restrictedKeys);
    for (const { key } of schema) {
      if (/Url$|backend$|model/i.test(key) && !key.startsWith('a2ia.embedded.'))
        assert.ok(restrictedKeys.includes(key), key);
    }
  });

  it('lets no workspace name a file that is loaded', () => {
    for (const spec of schema) if (/Path$/.test(spec.key)) assert.equal(spec.scope, 'machine', spec.key);
  });

  it('offers the backends of the registry, and no other', () => {
    const choices = schema.find(({ key }) => key === 'a2ia.backend');
    assert.ok(choices?.type === 'choice');
    assert.deepEqual(
      choices.choices.map(({ value }) => value),
      ['auto', ...backendIds],
    );
    const registry = new BackendRegistry(createTestHost());
    const { settings } = parseSettings(() => undefined);
    for (const backend of backendIds) assert.equal(registry.client(backend, settings).backend, backend);
    registry.dispose();
  });

  it('says whose command it is where a menu shows its title alone', () => {
    const { commands, menus, submenus } = manifest.contributes;
    // The palette shows the category too, and the menu of the chat says whose it is.
    const ownMenus = ['commandPalette', 'view/title'];
    const shown = Object.entries(menus).flatMap(([name, items]) => (ownMenus.includes(name) ? [] : items));
    assert.ok(shown.length > 0);
    for (const { command, submenu } of shown) {
      const title = commands.find((one) => one.command === command)?.title;
      assert.match(title ?? submenus.find(({ id }) => id === submenu)?.label ?? '', /A2IA/);
    }
  });

  it('refers to commands that exist', () => {
    const { commands, keybindings, menus, submenus, walkthroughs } = manifest.contributes;
    const known = [...commands.map(({ command }) => command), ...submenus.map(({ id }) => id)];
    // VS Code's own, with a key where it has none.
    const ownKeys = (keybindings as readonly MenuItem[]).filter(
      ({ command }) => !command?.startsWith('editor.action.'),
    );
    for (const { command, submenu } of [...ownKeys, ...Object.values(menus).flat()])
      assert.ok(known.includes(command ?? submenu ?? ''), command ?? submenu);
    const links = [...JSON.stringify(walkthroughs).matchAll(/command:([\w.]+)/g)].map(([, command]) => command ?? '');
    assert.ok(links.length > 0);
    for (const command of links) assert.ok(known.includes(command), command);
  });

  it('keeps the GPU builds of the engine out of an install', () => {
    const lock = JSON.parse(read('package-lock.json')) as {
      packages: Readonly<Record<string, { readonly name?: string }>>;
    };
    const gpuBuilds = Object.entries(lock.packages).filter(([file]) => /@node-llama-cpp\/.*(cuda|vulkan)/.test(file));
    assert.ok(gpuBuilds.length > 0);
    for (const [file, { name }] of gpuBuilds) assert.equal(name, 'empty-npm-package', file);
  });
});

/** By vsce itself, in a folder with every file of this one, its name alone. Not in this one: it would look through all that is installed as well. */
async function packedFiles(): Promise<string[]> {
  const { listFiles, PackageManager } = await import('@vscode/vsce');
  const installed = ['node_modules', '.cache', '.git'];
  const twin = await mkdtemp(path.join(tmpdir(), 'a2ia-package-'));
  try {
    for (const entry of globSync('**/*', {
      cwd: root,
      withFileTypes: true,
      exclude: ({ name }) => installed.includes(name),
    })) {
      const file = path.join(twin, path.relative(root, path.join(entry.parentPath, entry.name)));
      if (entry.isDirectory()) mkdirSync(file, { recursive: true });
      else {
        mkdirSync(path.dirname(file), { recursive: true });
        writeFileSync(file, '');
      }
    }
    for (const file of ['package.json', '.vscodeignore']) copyFileSync(path.join(root, file), path.join(twin, file));
    const files = await listFiles({ cwd: twin, packageManager: PackageManager.None });
    return files.map((file) => file.replaceAll('\\', '/'));
  } finally {
    await rm(twin, { recursive: true, force: true });
  }
}

describe('A package', () => {
  it('holds the programs, what a user reads and its pictures, and nothing else', async () => {
    const files = await packedFiles();
    const expected =
      /^(package\.json|README\.md|CHANGELOG\.md|LICENSE|media\/(icon\.png|chat\.svg)|media\/walkthrough\/[^/]+\.md|media\/screenshots\/[^/]+\.png|dist\/[^/]+\.[cm]js|dist\/webview\/[^/]+\.(js|css))$/;
    assert.deepEqual(
      files.filter((file) => !expected.test(file)),
      [],
    );
    const programs = ['dist/extension.cjs', 'dist/cli.cjs', 'dist/embeddedWorker.mjs'];
    for (const file of [...programs, 'package.json', 'README.md', 'LICENSE', 'media/icon.png']) {
      assert.ok(files.includes(file), file);
    }
    const pictures = [...read('README.md').matchAll(/\]\((media\/[^)]+)\)/g)].map(([, file]) => file ?? '');
    assert.ok(pictures.length > 0);
    assert.deepEqual(files.filter((file) => file.startsWith('media/screenshots/')).sort(), pictures.sort());
  });
});

describe('The pictures of the documents', () => {
  it('are all there, are all shown, and are small', () => {
    const documents = ['README.md', ...readdirSync(path.join(root, 'docs')).map((name) => `docs/${name}`)];
    const shown = documents.flatMap((file) =>
      [...read(file).matchAll(/media\/screenshots\/([\w-]+\.png)/g)].map(([, name]) => name ?? ''),
    );
    const folder = path.join(root, 'media', 'screenshots');
    const there = readdirSync(folder);
    assert.deepEqual(there.toSorted(), [...new Set(shown)].sort());
    const total = there.reduce((sum, name) => sum + statSync(path.join(folder, name)).size, 0);
    assert.ok(total < 1_500_000, `${total} bytes`);
  });
});

describe('docs/conformance.md', () => {
  it('is what the tests are (npm run conformance writes it)', function () {
    this.timeout(60_000);
    assert.equal(readFileSync(conformanceFile, 'utf8'), conformance().page);
  });
});

describe('README', () => {
  it('explains every setting with its default, and every command', () => {
    const readme = read('README.md');
    for (const spec of schema) assert.ok(readme.includes(`\`${spec.key}\``), spec.key);
    for (const { category, title } of manifest.contributes.commands) {
      const shown = category ? `${category}: ${title}` : title;
      assert.match(shown, /^A2IA: /);
      assert.ok(readme.includes(shown), shown);
    }
  });
});

describe('A production build', () => {
  let build: ProductionBuild;

  before(() => {
    build = new ProductionBuild(path.join(root, 'out', 'size-check'));
  });

  it('has an entry of at most 150 KB, with all that is loaded with it', () => {
    const total = build.sizeBytes(build.loadedWith('extension.cjs'));
    assert.ok(total > 5000 && total <= 150_000, `${total} bytes`);
  });

  it('is at most 1.35 MB in all, without the native engine', () => {
    const total = build.sizeBytes(build.files);
    assert.ok(total <= 1_350_000, `${total} bytes`);
  });

  it('loads no package when the extension is loaded', () => {
    const texts = [...build.loadedWith('extension.cjs')].map((name) => build.text(name));
    const required = new Set(
      texts.flatMap((text) => [...text.matchAll(/require\("([^."][^"]*)"\)/g)].map(([, name]) => name)),
    );
    for (const name of required) assert.match(name ?? '', /^(node:.*|vscode)$/);
    for (const text of texts) assert.doesNotMatch(text, /x-stainless|OPENAI_API_KEY/i);
  });

  it('loads nothing of code completion where it is off', () => {
    const completing = build.files.filter((name) => build.text(name).includes('registerInlineCompletionItemProvider'));
    assert.equal(completing.length, 1);
    const atOnce = build.loadedWith('extension.cjs');
    const withCommands = build.files.filter((name) => /^commands-/.test(name));
    assert.equal(withCommands.length, 1);
    for (const name of completing) {
      assert.ok(!atOnce.has(name));
      for (const commands of withCommands) assert.ok(!build.loadedWith(commands).has(name));
    }
  });

  it('has a command line that does not know the editor', () => {
    for (const name of build.loadedWith('cli.cjs')) assert.doesNotMatch(build.text(name), /require\("vscode"\)/);
  });
});
