// Writes what package.json says about settings from src/core/settings/schema.ts: `npm run manifest`. The architecture test fails when it was forgotten.
import { readFile, writeFile } from 'node:fs/promises';
import { manifestConfiguration, restrictedKeys } from '../src/core/settings/schema.ts';

const file = new URL('../package.json', import.meta.url);
const manifest = JSON.parse(await readFile(file, 'utf8')) as {
  contributes: { configuration?: object };
  capabilities: { untrustedWorkspaces: { restrictedConfigurations?: readonly string[] } };
};
manifest.contributes.configuration = manifestConfiguration();
manifest.capabilities.untrustedWorkspaces.restrictedConfigurations = restrictedKeys;
await writeFile(file, `${JSON.stringify(manifest, null, 2)}\n`);
