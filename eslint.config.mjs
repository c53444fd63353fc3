import tseslint from 'typescript-eslint';

/**
 * The layers of docs/architecture.md as lint rules. Who may import whom is also checked, with cycles, by test/architecture.test.ts, on the whole graph;
 * here the editor says it while one types.
 */
const forbid = (...patterns) => ({
  '@typescript-eslint/no-restricted-imports': [
    'error',
    { patterns: patterns.map(([group, message]) => ({ group, message })) },
  ],
});

const vscodeOnlyInVscode = [['vscode'], 'Only src/vscode/ knows the editor.'];
const noUpperLayers = (...names) => [names.map((name) => `../**/${name}/**`), 'That is a layer above, or beside.'];
const packagesInTheirClient = [
  ['openai', 'openai/*', 'ollama', 'ollama/*', 'node-llama-cpp'],
  'Only the client of that backend loads its package, by import(); types are fine.',
];

export default tseslint.config(
  { ignores: ['dist/', 'out/', '.cache/', '.vscode-test/', 'media/', 'node_modules/'] },
  {
    files: ['**/*.ts'],
    extends: [...tseslint.configs.recommendedTypeChecked],
    languageOptions: {
      parserOptions: {
        project: ['src/*/tsconfig.json', 'test/tsconfig.json'],
        tsconfigRootDir: import.meta.dirname,
      },
    },
    rules: {
      '@typescript-eslint/consistent-type-imports': 'error',
      '@typescript-eslint/no-explicit-any': 'error',
      // `const { left: _, ...rest }` is how a field is left out.
      '@typescript-eslint/no-unused-vars': ['error', { ignoreRestSiblings: true }],
      '@typescript-eslint/switch-exhaustiveness-check': ['error', { considerDefaultExhaustiveForUnions: true }],
      '@typescript-eslint/restrict-template-expressions': [
        'error',
        { allowNumber: true, allowBoolean: true, allowNever: true },
      ],
      'no-console': 'error',
      'no-restricted-exports': ['error', { restrictDefaultExports: { direct: true, named: true, defaultFrom: true } }],
      'no-restricted-syntax': [
        'error',
        { selector: 'ExportAllDeclaration', message: 'No barrels: import from the file that has it.' },
      ],
    },
  },
  {
    files: ['src/core/**/*.ts'],
    rules: forbid(vscodeOnlyInVscode, noUpperLayers('vscode', 'cli', 'webview', 'protocol')),
  },
  {
    files: ['src/core/clients/**/*.ts', 'src/core/embedded/**/*.ts', 'src/core/settings/**/*.ts'],
    rules: forbid(
      vscodeOnlyInVscode,
      noUpperLayers('vscode', 'cli', 'webview', 'protocol', 'chat', 'doctor', 'edit', 'completion'),
    ),
  },
  {
    files: ['src/protocol/**/*.ts', 'src/webview/**/*.ts'],
    rules: forbid(vscodeOnlyInVscode, noUpperLayers('vscode', 'cli'), packagesInTheirClient, [
      ['node:*'],
      'This runs in a browser.',
    ]),
  },
  {
    // What a model wrote is text, and becomes nodes one by one.
    files: ['src/webview/**/*.ts'],
    rules: {
      'no-restricted-properties': [
        'error',
        ...[
          'innerHTML',
          'outerHTML',
          'insertAdjacentHTML',
          'setHTMLUnsafe',
          'createContextualFragment',
          'parseFromString',
        ].map((property) => ({ property, message: 'No markup from text: build elements.' })),
        { object: 'document', property: 'write', message: 'No markup from text: build elements.' },
        { object: 'document', property: 'writeln', message: 'No markup from text: build elements.' },
      ],
    },
  },
  {
    files: ['src/cli/**/*.ts'],
    rules: forbid(vscodeOnlyInVscode, noUpperLayers('vscode', 'webview', 'protocol'), packagesInTheirClient),
  },
  {
    files: ['src/vscode/**/*.ts'],
    rules: forbid(noUpperLayers('cli', 'webview'), packagesInTheirClient),
  },
  {
    files: ['test/**/*.ts', 'bench/**/*.ts', 'scripts/**/*.ts'],
    rules: {
      'no-console': 'off',
      // mocha's `it` takes promises; node's assert is enough.
      '@typescript-eslint/no-floating-promises': 'error',
      '@typescript-eslint/require-await': 'off',
      // What a server was sent, or a worker said, is looked at as it is.
      '@typescript-eslint/no-unsafe-member-access': 'off',
      '@typescript-eslint/no-unsafe-assignment': 'off',
      '@typescript-eslint/no-unsafe-argument': 'off',
      '@typescript-eslint/no-unsafe-call': 'off',
    },
  },
);
