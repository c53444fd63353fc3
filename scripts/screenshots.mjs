// `npm run screenshots`: takes the pictures that README and the documents show from those that the browser tests left in out/screenshots. Run the tests first.
import { copyFileSync, existsSync, mkdirSync, readdirSync, readFileSync, rmSync } from 'node:fs';
import path from 'node:path';
import { repositoryRoot } from './caches.mjs';

const taken = path.join(repositoryRoot, 'out', 'screenshots');
const shown = path.join(repositoryRoot, 'media', 'screenshots');
const documents = [
  'README.md',
  ...readdirSync(path.join(repositoryRoot, 'docs'))
    .filter((name) => name.endsWith('.md'))
    .map((name) => path.join('docs', name)),
];

const names = new Set(
  documents.flatMap((file) => {
    const text = readFileSync(path.join(repositoryRoot, file), 'utf8');
    return [...text.matchAll(/media\/screenshots\/([\w-]+\.png)/g)].map(([, name]) => name);
  }),
);
mkdirSync(shown, { recursive: true });
for (const name of readdirSync(shown)) if (!names.has(name)) rmSync(path.join(shown, name));
const missing = [...names].filter((name) => !existsSync(path.join(taken, name)));
for (const name of names) if (!missing.includes(name)) copyFileSync(path.join(taken, name), path.join(shown, name));
console.log(`${names.size - missing.length} pictures are in media/screenshots.`);
if (missing.length > 0) {
  console.error(`No test has taken ${missing.join(', ')}: run npm test -- browser first.`);
  process.exitCode = 1;
}
