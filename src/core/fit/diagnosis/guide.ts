import { serverNames } from './explanationText.ts';
import type { KnownFailure } from './knownFailure.ts';
import type { ServerKind } from './loadFacts.ts';
import { knownFailures } from './logReader.ts';
import { remedyRules } from './remedies.ts';

/** docs/out-of-memory.md: every known text, what was not fulfilled, and what to do. `npm run manifest` writes it. */
export function outOfMemoryGuide(): string {
  const memory = knownFailures.filter(({ isMemory }) => isMemory);
  const others = knownFailures.filter(({ isMemory }) => !isMemory);
  const of = (server: ServerKind) => memory.filter(({ servers }) => servers[0] === server);
  return [
    '# Out of memory: what the text means, and what to do',
    '',
    'Made from the table by which A2IA reads logs (`npm run manifest`); do not edit it here.',
    '',
    'Each text is the result of one inequality that did not hold. Find the text, read the inequality, and change one of its terms: everything else is in vain. With a log at hand, `a2ia explain < log` or **A2IA: Explain Out of Memory** fill in the numbers.',
    '',
    'Where several texts stand in a log, the cause is the first one that is more than “it failed”: vLLM’s `Engine core initialization failed` and Ollama’s `process has terminated` only repeat that something above them failed.',
    '',
    '## Ollama and llama.cpp',
    '',
    'A load fits when `weights + KV cache + compute buffer ≤ free on the GPU − 1 GiB`. What does not fit stays in RAM, unless the number of layers was given.',
    '',
    ...of('ollama').flatMap(section),
    'On Windows the driver lends RAM to the GPU where its own memory ends (“Sysmem Fallback Policy”): then nothing fails, and everything is ten times slower. A load of which a part is on the CPU is slow on every system; `a2ia explain` says so of a log without an error too.',
    '',
    '## vLLM',
    '',
    'A start passes five checks, in this order: `utilization × GPU ≤ free`; `weights ≤ GPU`; `weights + activations + process (+ CUDA graphs, since 0.21) ≤ utilization × GPU`; `KV cache of one request of max_model_len ≤ what that leaves`; `CUDA graphs and the first sampling ≤ the rest of the GPU` (until 0.20). vLLM keeps nothing in RAM by itself.',
    '',
    ...of('vllm').flatMap(section),
    '## What looks like it and is something else',
    '',
    ...others.flatMap(section),
  ]
    .join('\n')
    .replace(/\n+$/, '\n');
}

function section({ title, texts, servers, inequality, because, remedies, inVain }: KnownFailure): string[] {
  const reason =
    typeof because === 'string' ? because : because({ devices: new Map(), inventory: new Map(), vllm: {} });
  return [
    `### ${title}`,
    '',
    `${servers.map((server) => serverNames[server]).join(', ')}:`,
    '',
    '```text',
    ...texts,
    '```',
    '',
    ...(inequality ? [`**${inequality}**, because ${reason}.`] : [`Because ${reason}.`]),
    '',
    ...(inVain ? [inVain, ''] : []),
    ...remedies.map((id, index) => `${index + 1}. ${remedyRules[id].text}${options(id, servers)}`),
    '',
  ];
}

/** One server's option as it is, of several servers each with its name. */
function options(id: keyof typeof remedyRules, servers: readonly ServerKind[]): string {
  const given = remedyRules[id].option ?? {};
  const named = servers.flatMap((server) => {
    const option = given[server];
    return option === undefined ? [] : [[serverNames[server], option] as const];
  });
  if (named.length === 0) return '';
  const [first] = named;
  if (named.length === 1 && servers.length === 1) return ` \`${first?.[1]}\``;
  return ` ${named.map(([name, option]) => `${name}: \`${option}\``).join('; ')}`;
}
