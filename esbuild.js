// Builds everything that runs: `node esbuild.js [--watch] [--production] [--outdir=FOLDER]`. Types are checked by `npm run check`, not here.
import { mkdir, rm, writeFile } from 'node:fs/promises';
import path from 'node:path';
import esbuild from 'esbuild';

const watch = process.argv.includes('--watch');
const production = process.argv.includes('--production');
const outdir = process.argv.find((argument) => argument.startsWith('--outdir='))?.slice('--outdir='.length) ?? 'dist';

/** Packages that no activation and no `--help` should pay for: the code may load them by `import()` only. */
const lazyPackages = ['openai', 'ollama/browser', 'http-proxy-agent', 'https-proxy-agent', 'proxy-from-env'];

/** What packages bring along and nobody here calls, and what takes its place. */
const unused = {
  // A `fetch` for old browsers: the package of Ollama is given ours.
  'whatwg-fetch[/\\\\]': '',
  // Writes addresses to the standard error when the environment has DEBUG.
  'debug[/\\\\]': 'module.exports = () => () => undefined',
  // Of an API of OpenAI that is no chat.
  'openai[/\\\\]lib[/\\\\]AssistantStream': 'export class AssistantStream {}',
};

/** What the bundles may take in, and from where. */
const importRules = {
  name: 'import-rules',
  setup(build) {
    build.onResolve({ filter: /^[a-z]/ }, ({ path: name, kind, importer }) => {
      if (lazyPackages.includes(name) && kind === 'import-statement') {
        return { errors: [{ text: `${name} is loaded on demand: import() it, or import only its types.` }] };
      }
      if (name !== 'vscode') return undefined;
      // The command line cannot be built when core touches the editor.
      if (path.relative('src/vscode', importer).startsWith('..')) {
        return { errors: [{ text: 'Only src/vscode/ knows the editor.' }] };
      }
      return { path: name, external: true };
    });
    for (const [place, contents] of Object.entries(unused)) {
      build.onLoad({ filter: new RegExp(`[/\\\\]node_modules[/\\\\]${place}`) }, () => ({ contents }));
    }
  },
};

/**
 * esbuild splits ES modules only, and the editors that A2IA runs in want CommonJS: so it splits them, and then each file is rewritten. What is `import()`ed
 * becomes a file of its own, and what two files share a third.
 */
const asCommonJs = {
  name: 'as-common-js',
  setup(build) {
    build.onEnd(async ({ outputFiles }) => {
      await mkdir(outdir, { recursive: true });
      const files = (outputFiles ?? []).map(async (file) => {
        const { code } = await esbuild.transform(file.text, {
          format: 'cjs',
          platform: 'node',
          target: shared.target,
          supported: { 'dynamic-import': false },
          sourcefile: path.basename(file.path),
          sourcemap: shared.sourcemap,
          minify: production,
        });
        await writeFile(file.path, code);
      });
      await Promise.all(files);
    });
  },
};

const shared = {
  bundle: true,
  platform: 'node',
  target: 'node20',
  format: 'cjs',
  outExtension: { '.js': '.cjs' },
  outdir,
  sourcemap: production ? false : 'inline',
  minify: production,
  legalComments: 'none',
  logLevel: 'warning',
  // The bundles are CommonJS; their sources are not.
  define: { 'import.meta.dirname': '__dirname' },
};

const programs = [
  {
    ...shared,
    entryPoints: { extension: 'src/vscode/extension.ts', cli: 'src/cli/main.ts' },
    format: 'esm',
    splitting: true,
    chunkNames: '[name]-[hash]',
    write: false,
    plugins: [importRules, asCommonJs],
  },
  {
    ...shared,
    entryPoints: { embeddedWorker: 'src/core/embedded/worker.ts' },
    // The engine is an ES module with native files of its own, loaded from node_modules.
    external: ['node-llama-cpp'],
    format: 'esm',
    outExtension: { '.js': '.mjs' },
    define: {},
  },
  {
    ...shared,
    entryPoints: {
      'webview/chat': 'src/webview/main.ts',
      'webview/chatStyle': 'src/webview/chat.css',
      'webview/plan': 'src/webview/plan/main.ts',
      'webview/planStyle': 'src/webview/plan/plan.css',
    },
    platform: 'browser',
    // Electron 37, the editor of engines.vscode.
    target: 'chrome138',
    format: 'esm',
    // The highlighter is loaded with the first code block.
    splitting: true,
    chunkNames: 'webview/[name]-[hash]',
    outExtension: { '.js': '.js' },
    define: {},
  },
  {
    ...shared,
    entryPoints: ['test/host/index.ts', 'test/host/check.ts', 'bench/host/activation.ts'],
    outdir: 'out',
    outbase: '.',
    external: ['vscode', 'mocha'],
    minify: false,
  },
];

/** Prints the lines that .vscode/tasks.json waits for: the second when all programs are built, for F5 may start any of them. */
let running = 0;
const builtOnce = new Set();
const watchReport = {
  name: 'watch-report',
  setup(build) {
    build.onStart(() => {
      if (running++ === 0) console.log('[watch] build started');
    });
    build.onEnd(({ errors }) => {
      for (const { text, location } of errors) {
        console.error(`✘ [ERROR] ${text}\n    ${location?.file}:${location?.line}:${location?.column}:`);
      }
      builtOnce.add(build);
      if (--running === 0 && builtOnce.size === programs.length) console.log('[watch] build finished');
    });
  },
};

if (watch) {
  for (const program of programs) {
    const context = await esbuild.context({ ...program, plugins: [...(program.plugins ?? []), watchReport] });
    await context.watch();
  }
} else {
  await rm(outdir, { recursive: true, force: true });
  await Promise.all(programs.map((program) => esbuild.build(program)));
}
