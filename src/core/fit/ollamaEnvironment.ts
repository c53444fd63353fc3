import { open } from 'node:fs/promises';
import { homedir } from 'node:os';
import path from 'node:path';
import { commandLines, programName } from '../gpu/commandLines.ts';
import type { GpuHost } from '../gpu/gpuHost.ts';
import type { RunningOllama } from './fitRequest.ts';
import { isCacheType } from './kvCache.ts';
import { countOf } from './runningServer.ts';

/** What an Ollama server was told by its environment; empty: none of it. Its API tells nothing of that. */
export type OllamaEnvironment = RunningOllama;

/** The only ones that are looked at: what else is in an environment is nobody's business. */
const names = [
  'OLLAMA_CONTEXT_LENGTH',
  'OLLAMA_NUM_PARALLEL',
  'OLLAMA_KV_CACHE_TYPE',
  'OLLAMA_FLASH_ATTENTION',
] as const;
type Name = (typeof names)[number];

/** Where an Ollama of this machine writes down what it was told, as far as this user may read it. */
export interface OllamaTraces {
  readonly host: GpuHost;
  /** The beginning of a file; undefined where it cannot be read. */
  readHead(file: string): Promise<string | undefined>;
  readonly environment: Readonly<Record<string, string | undefined>>;
  readonly homeFolder: string;
}

/**
 * On Linux by the server's process, which a user may read of his own, else by the units that systemd starts it with; on macOS and Windows by the first lines of its log. No
 * program is started. Undefined: not to be seen, or there are several servers.
 */
export async function readOllamaEnvironment(traces: OllamaTraces): Promise<OllamaEnvironment | undefined> {
  const { platform } = traces.host;
  const values = platform === 'linux' ? await ofLinux(traces.host) : ofLog(await traces.readHead(logFile(traces)));
  return values && parsed(values);
}

type Values = ReadonlyMap<Name, string>;

async function ofLinux(host: GpuHost): Promise<Values | undefined> {
  const servers = await commandLines(
    host,
    ([program, ...words]) => programName(program) === 'ollama' && words.includes('serve'),
  );
  const [server] = servers;
  if (!server || servers.length > 1) return undefined;
  const environ = await host.readFile(`/proc/${server.pid}/environ`);
  if (environ) return picked(environ.split('\0'));
  return ofUnits(host);
}

const unitFolders = ['/usr/lib/systemd/system', '/lib/systemd/system', '/etc/systemd/system'];

/** Later ones override earlier ones. Undefined: systemd does not start it, or takes its environment from a file elsewhere. */
async function ofUnits(host: GpuHost): Promise<Values | undefined> {
  const texts: string[] = [];
  for (const folder of unitFolders) {
    const unit = await host.readFile(`${folder}/ollama.service`);
    // One in /etc stands for the one of the package.
    if (unit !== undefined) texts.splice(0, texts.length, unit);
  }
  if (texts.length === 0) return undefined;
  const dropIns = '/etc/systemd/system/ollama.service.d';
  for (const name of (await host.listFolder(dropIns)).filter((one) => one.endsWith('.conf')).sort())
    texts.push((await host.readFile(`${dropIns}/${name}`)) ?? '');
  const lines = texts.flatMap((text) => text.split('\n').map((line) => line.trim()));
  if (lines.some((line) => line.startsWith('EnvironmentFile='))) return undefined;
  const assignments = lines.flatMap((line) => {
    const [, text] = /^Environment=(.*)$/.exec(line) ?? [];
    return [...(text ?? '').matchAll(/"([^"]*)"|'([^']*)'|(\S+)/g)].map(
      ([, one, two, three]) => one ?? two ?? three ?? '',
    );
  });
  return picked(assignments);
}

function picked(assignments: readonly string[]): Values {
  const values = new Map<Name, string>();
  for (const assignment of assignments) {
    const name = names.find((one) => assignment.startsWith(`${one}=`));
    if (name) values.set(name, assignment.slice(name.length + 1));
  }
  return values;
}

function logFile({ host, environment, homeFolder }: OllamaTraces): string {
  if (host.platform !== 'win32') return path.posix.join(homeFolder, '.ollama', 'logs', 'server.log');
  return path.win32.join(
    environment['LOCALAPPDATA'] ?? path.win32.join(homeFolder, 'AppData', 'Local'),
    'Ollama',
    'server.log',
  );
}

/** `msg="server config" env="map[… OLLAMA_KV_CACHE_TYPE:q8_0 …]"`, the first thing that it writes. Its own defaults stand there too: `false` says nothing. */
function ofLog(text: string | undefined): Values | undefined {
  const line = text?.split('\n').findLast((one) => one.includes('msg="server config"'));
  if (line === undefined) return undefined;
  const valueOf = (name: Name) => new RegExp(`\\b${name}:([\\w.]*)`).exec(line)?.[1] ?? '';
  return picked(names.map((name) => `${name}=${valueOf(name).replace(/^false$/, '')}`));
}

function parsed(values: Values): OllamaEnvironment {
  const contextTokens = countOf(values.get('OLLAMA_CONTEXT_LENGTH'));
  const parallel = countOf(values.get('OLLAMA_NUM_PARALLEL'));
  const cacheType = values.get('OLLAMA_KV_CACHE_TYPE');
  const flash = values.get('OLLAMA_FLASH_ATTENTION') ?? '';
  return {
    ...(contextTokens === undefined ? {} : { contextTokens }),
    // One is what it takes by itself.
    ...(parallel === undefined || parallel === 1 ? {} : { parallel }),
    ...(cacheType !== undefined && cacheType !== 'f16' && isCacheType(cacheType) ? { cacheType } : {}),
    // As Go reads it: what is no boolean counts as yes.
    ...(flash === '' ? {} : { flashAttention: !/^(0|f|false)$/i.test(flash) }),
  };
}

/**
 * For the user: what a plan for this machine's Ollama was made with. `environment` undefined: not to be seen. `contextTokens`: with which it has the model loaded, where the
 * plan took that.
 */
export function environmentNotes(
  environment: OllamaEnvironment | undefined,
  contextTokens: number | undefined,
): readonly string[] {
  const told = environment && environmentText(environment);
  return [
    ...(contextTokens === undefined
      ? []
      : ['No context was chosen: planned with the one that Ollama has the model loaded with.']),
    ...(environment ? [] : [unseen]),
    ...(told ? [`By its environment, Ollama was told: ${told}.`] : []),
  ];
}

const unseen = `What Ollama was told by its environment (${names.join(', ')}) is not to be seen: planned as if it was told nothing.`;

function environmentText({ contextTokens, parallel, cacheType, flashAttention }: OllamaEnvironment): string {
  return [
    contextTokens === undefined ? '' : `a context of ${contextTokens.toLocaleString('en')} tokens`,
    parallel === undefined ? '' : `${parallel} requests at once`,
    cacheType === undefined ? '' : `a KV cache in ${cacheType}`,
    flashAttention === undefined ? '' : flashAttention ? 'flash attention' : 'no flash attention',
  ]
    .filter(Boolean)
    .join(', ');
}

const headBytes = 64 * 1024;

export function nodeOllamaTraces(host: GpuHost): OllamaTraces {
  return { host, environment: process.env, homeFolder: homedir(), readHead };
}

async function readHead(file: string): Promise<string | undefined> {
  const handle = await open(file, 'r').catch(() => undefined);
  if (!handle) return undefined;
  try {
    const { bytesRead, buffer } = await handle.read(Buffer.alloc(headBytes), 0, headBytes, 0);
    return buffer.toString('utf8', 0, bytesRead);
  } catch {
    return undefined;
  } finally {
    await handle.close();
  }
}
