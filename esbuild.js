// Builds everything that runs: `node esbuild.js [--watch] [--production] [--outdir=FOLDER]`. Types are checked by `npm run check`, not here.
import { rm } from 'node:fs/promises';
import esbuild from 'esbuild';

const watch = process.argv.includes('--watch');
const production = process.argv.includes('--production');
const outdir = process.argv.find((argument) => argument.startsWith('--outdir='))?.slice('--outdir='.length) ?? 'dist';

/**
 * Packages that no activation and no `--help` should pay for. Each becomes a file of its own in dist/, which the code loads by its dynamic `import()`.
 * CommonJS has no code splitting, so the split is written down here.
 */
const lazyPackages = {
  openai: `export { OpenAI } from 'openai'`,
  'ollama/browser': `export { Ollama } from 'ollama/browser'`,
  'http-proxy-agent': `export { HttpProxyAgent } from 'http-proxy-agent'`,
  'https-proxy-agent': `export { HttpsProxyAgent } from 'https-proxy-agent'`,
  'proxy-from-env': `export { getProxyForUrl } from 'proxy-from-env'`,
};

const lazyFile = (name) => `lazy-${name.replaceAll('/', '-')}`;

const lazyImports = {
  name: 'lazy-imports',
  setup(build) {
    build.onResolve({ filter: /^[a-z]/ }, ({ path, kind }) => {
      if (!(path in lazyPackages)) return undefined;
      if (kind === 'dynamic-import') return { path: `./${lazyFile(path)}.cjs`, external: true };
      return { errors: [{ text: `${path} is loaded on demand: import() it, or import only its types.` }] };
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
  sourcemap: !production,
  minify: production,
  legalComments: 'none',
  logLevel: 'warning',
  // The bundles are CommonJS; their sources are not.
  define: { 'import.meta.dirname': '__dirname' },
};

const programs = [
  { ...shared, entryPoints: { extension: 'src/vscode/extension.ts' }, external: ['vscode'], plugins: [lazyImports] },
  // No `vscode` here: the command line cannot be built when core touches the editor.
  { ...shared, entryPoints: { cli: 'src/cli/main.ts' }, banner: { js: '#!/usr/bin/env node' }, plugins: [lazyImports] },
  {
    ...shared,
    entryPoints: { embeddedWorker: 'src/core/embedded/worker.ts' },
    // The engine is an ES module with native files of its own, loaded from node_modules.
    external: ['node-llama-cpp'],
    format: 'esm',
    outExtension: { '.js': '.mjs' },
    define: {},
  },
  ...Object.entries(lazyPackages).map(([name, contents]) => ({
    ...shared,
    stdin: { contents, resolveDir: import.meta.dirname, sourcefile: `${lazyFile(name)}.js` },
    entryNames: lazyFile(name),
    sourcemap: false,
    minify: true,
  })),
  {
    ...shared,
    entryPoints: ['test/host/index.ts', 'test/host/check.ts'],
    outdir: 'out',
    outbase: '.',
    external: ['vscode', 'mocha'],
    sourcemap: 'inline',
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
