// `npm run test:live`: the contract of clients on real servers. `npm run test:live -- ollama vllm` names the servers, and one that is named and not there
// is a failure. Without names: all that are there. `--grep TEXT` runs the tests whose title contains it, `--install-litellm` gets LiteLLM first.
import { existsSync, mkdtempSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import path from 'node:path';
import { parseArgs } from 'node:util';
import { ensureDependencies, reexecUnderProjectNode } from './bootstrap.mjs';
import { findLiteLlm, installLiteLlm } from './liteLlm.mjs';
import { findOnPath } from './lib/processes.mjs';
import { createReport, exitWithError } from './lib/report.mjs';
import { addTier, jsonLines, noTotals, printTotals, runTier } from './lib/tiers.mjs';

const report = createReport();

/**
 * How each server is found: one that runs, by its address; else a program to start.
 * @typedef {{ url: string } | { program: string }} Found
 * @type {Record<string, { find: () => Found | undefined, advice: string }>}
 */
const servers = {
  ollama: {
    find: () => at('A2IA_OLLAMA_URL') ?? program('OLLAMA_BIN') ?? onPath('ollama'),
    advice: 'Put ollama on the PATH, or set OLLAMA_BIN to the program or A2IA_OLLAMA_URL to one that runs.',
  },
  vllm: {
    find: () => at('A2IA_VLLM_URL') ?? program('A2IA_VLLM_SERVE'),
    advice: 'Set A2IA_VLLM_URL to one that runs, or A2IA_VLLM_SERVE to a script that takes a port and serves on it.',
  },
  'llama-server': {
    find: () => at('A2IA_LLAMA_SERVER_URL') ?? program('LLAMA_SERVER_BIN') ?? onPath('llama-server'),
    advice: 'Put llama-server on the PATH, or set LLAMA_SERVER_BIN or A2IA_LLAMA_SERVER_URL.',
  },
  litellm: {
    find: () => program('A2IA_LITELLM_BIN') ?? findLiteLlm() ?? onPath('litellm'),
    advice: 'Add --install-litellm, or set A2IA_LITELLM_BIN; it also needs an Ollama to stand in front of.',
  },
  embedded: { find: () => ({ program: 'dist/embeddedWorker.mjs' }), advice: '' },
};

main().catch(exitWithError);

async function main() {
  const { values, positionals } = parseArgs({
    allowPositionals: true,
    options: { grep: { type: 'string' }, 'install-litellm': { type: 'boolean' } },
  });
  for (const name of positionals) {
    if (!(name in servers))
      throw new Error(`There is no server "${name}". Servers: ${Object.keys(servers).join(', ')}.`);
  }
  await ensureDependencies(report);
  await reexecUnderProjectNode(import.meta.url);
  const { ensureBuild } = await import('./build.mjs');
  await ensureBuild(report);
  const modelFile = await (await import('./model.mjs')).ensureTestModel(report);
  if (values['install-litellm']) await installLiteLlm(report);

  const found = findServers();
  const there = (/** @type {string} */ name) => name in found && (name !== 'litellm' || 'ollama' in found);
  const chosen = positionals.length > 0 ? positionals : Object.keys(servers);
  const totals = noTotals();
  for (const name of positionals.filter((each) => !there(each))) {
    totals.failed.push(`${name}: it was asked for and is not there. ${servers[name]?.advice}`);
  }
  const folder = mkdtempSync(path.join(tmpdir(), 'a2ia-live-'));
  const ranFile = path.join(folder, 'ran.jsonl');
  // A server at a time, so that each has the machine to itself.
  for (const name of chosen.filter(there)) {
    const files = [
      'test/live-servers/contract.test.ts',
      'test/live-servers/completion.test.ts',
      ...(name === 'litellm' ? ['test/live-servers/litellm.test.ts'] : []),
    ];
    const env = { A2IA_LIVE_RUN: JSON.stringify({ servers: [name], found }), A2IA_LIVE_RAN: ranFile };
    await addTier(totals, name, () => runTier({ files, modelFile, grep: values.grep, env }));
  }
  // Not every client can tell what it speaks to: the fullest answer counts.
  /** @type {Map<string, string>} */
  const ran = new Map();
  for (const [name, server, version] of jsonLines(ranFile)) {
    if (version || !ran.has(name)) ran.set(name, `${server} ${version}`.trim());
  }
  rmSync(folder, { recursive: true, force: true });
  console.log(`\nRan on ${[...ran.values()].join(', ') || 'no server'}.`);
  const left = Object.keys(servers).filter((name) => !there(name) && positionals.length === 0);
  if (left.length > 0) console.log(`Not found, so not tested: ${left.join(', ')}.`);
  printTotals(totals);
}

/** @returns {Record<string, Found>} */
function findServers() {
  return Object.fromEntries(
    Object.entries(servers).flatMap(([name, { find }]) => {
      const found = find();
      return found ? [[name, found]] : [];
    }),
  );
}

function at(/** @type {string} */ variable) {
  const url = process.env[variable]?.replace(/\/+$/, '');
  if (!url) return undefined;
  if (!URL.canParse(url)) throw new Error(`${variable} is not an address: ${url}.`);
  return { url };
}

/** A variable that names something else than a file is a mistake, and no reason to look elsewhere. */
function program(/** @type {string} */ variable) {
  const file = process.env[variable];
  if (!file) return undefined;
  if (!existsSync(file)) throw new Error(`${variable}: there is no ${file}.`);
  return { program: path.resolve(file) };
}

function onPath(/** @type {string} */ name) {
  const file = findOnPath(name);
  return file ? { program: file } : undefined;
}
