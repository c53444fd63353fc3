// Writes what package.json says about settings from src/core/settings/schema.ts, and docs/out-of-memory.md from the table that logs are read by:
// `npm run manifest`. A test fails when it was forgotten.
import { readFile, writeFile } from 'node:fs/promises';
import { outOfMemoryGuide } from '../src/core/fit/diagnosis/guide.ts';
import { manifestConfiguration, restrictedKeys } from '../src/core/settings/schema.ts';

const file = new URL('../package.json', import.meta.url);
const manifest = JSON.parse(await readFile(file, 'utf8')) as {
  contributes: { configuration?: object };
  capabilities: { untrustedWorkspaces: { restrictedConfigurations?: readonly string[] } };
};
manifest.contributes.configuration = manifestConfiguration();
manifest.capabilities.untrustedWorkspaces.restrictedConfigurations = restrictedKeys;
await writeFile(file, `${JSON.stringify(manifest, null, 2)}\n`);
await writeFile(new URL('../docs/out-of-memory.md', import.meta.url), outOfMemoryGuide());
