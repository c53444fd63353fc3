import type { Agent } from 'node:http';
import { homedir } from 'node:os';
import path from 'node:path';
import { createInterface } from 'node:readline/promises';
import type { BackendId } from '../core/clients/llmClient.ts';
import type { EmbeddedModel } from '../core/embedded/catalogue.ts';
import type { CoreHost, EngineHost } from '../core/host.ts';
import type { Settings } from '../core/settings/settings.ts';
import { wait } from '../core/util/wait.ts';

export interface CliHostOptions {
  readonly settings: Settings;
  readonly environment: NodeJS.ProcessEnv;
  /** `--download`: the user has agreed to a download of the embedded model. */
  readonly downloadAgreed: boolean;
  readonly verbose: boolean;
}

/** The outside as the command line sees it: environment variables, stderr, a question on the terminal. */
export function createCliHost(options: CliHostOptions): CoreHost {
  const { settings, environment, verbose } = options;
  const write = (level: string) => (message: string) => {
    if (verbose) process.stderr.write(`${level}: ${message}\n`);
  };
  return {
    log: { debug: write('debug'), info: write('info'), warn: write('warn') },
    credentialFor: (origin) => Promise.resolve(keyFor(origin, settings, environment)),
    // Every address comes from whoever runs the command.
    mayContact: () => Promise.resolve(true),
    wait,
    // What other tools of the command line take.
    caFile: () => settings.caFile || environment['SSL_CERT_FILE'] || '',
    proxyAgentFor: (url) => proxyAgentFor(url, environment),
    engine: createEngineHost(options),
  };
}

/** Keys come from the environment only, and each goes to the origin of its own backend's address only. */
function keyFor(origin: string, settings: Settings, environment: NodeJS.ProcessEnv): string | undefined {
  const keys: readonly (readonly [backend: BackendId, url: string, variable: string])[] = [
    ['ollama', settings.ollamaUrl, 'A2IA_OLLAMA_API_KEY'],
    ['vllm', settings.vllmUrl, 'A2IA_VLLM_API_KEY'],
    ['openai-compatible', settings.openaiCompatibleUrl, 'A2IA_OPENAI_COMPATIBLE_API_KEY'],
    ['openai', settings.openaiUrl, 'A2IA_OPENAI_API_KEY'],
    ['anthropic', settings.anthropicUrl, 'A2IA_ANTHROPIC_API_KEY'],
  ];
  const entry = keys.find(([, url, variable]) => environment[variable] && url && new URL(url).origin === origin);
  return entry && environment[entry[2]];
}

/** HTTP_PROXY, HTTPS_PROXY, ALL_PROXY and NO_PROXY, by the packages that know their many spellings. */
async function proxyAgentFor(url: URL, environment: NodeJS.ProcessEnv): Promise<Agent | undefined> {
  const isLoopback = /^(127\.|localhost$|\[::1\]$)/.test(url.hostname);
  const anyProxy = Object.keys(environment).some((name) => /^(https?|all)_proxy$/i.test(name) && environment[name]);
  if (isLoopback || !anyProxy) return undefined;
  const { getProxyForUrl } = await import('proxy-from-env');
  const proxy = getProxyForUrl(url.href);
  if (!proxy) return undefined;
  if (url.protocol === 'https:') {
    const { HttpsProxyAgent } = await import('https-proxy-agent');
    return new HttpsProxyAgent(proxy);
  }
  const { HttpProxyAgent } = await import('http-proxy-agent');
  return new HttpProxyAgent(proxy);
}

function createEngineHost({ environment, downloadAgreed }: CliHostOptions): EngineHost {
  return {
    workerPath: path.join(import.meta.dirname, 'embeddedWorker.mjs'),
    nodePath: process.execPath,
    nodeEnv: environment,
    modelsDir: environment['A2IA_MODELS_DIR'] || path.join(dataDir(environment), 'a2ia', 'models'),
    confirmDownload: (model, targetPath) => (downloadAgreed ? Promise.resolve(true) : askOnTerminal(model, targetPath)),
    onDownloadProgress: showProgress,
  };
}

function dataDir(environment: NodeJS.ProcessEnv): string {
  if (process.platform === 'win32') return environment['LOCALAPPDATA'] || path.join(homedir(), 'AppData', 'Local');
  if (process.platform === 'darwin') return path.join(homedir(), 'Library', 'Application Support');
  return environment['XDG_DATA_HOME'] || path.join(homedir(), '.local', 'share');
}

async function askOnTerminal(model: EmbeddedModel, targetPath: string): Promise<boolean> {
  if (!process.stdin.isTTY || !process.stderr.isTTY) {
    process.stderr.write(
      `a2ia: ${model.displayName} is not here yet. Run again with --download to fetch it (${megabytes(model.sizeBytes)}).\n`,
    );
    return false;
  }
  const terminal = createInterface({ input: process.stdin, output: process.stderr });
  const question = `Download ${model.displayName} (${megabytes(model.sizeBytes)}, licence ${model.license}) to ${targetPath}? [y/N] `;
  const reply = await terminal.question(question);
  terminal.close();
  return /^y(es)?$/i.test(reply.trim());
}

function showProgress(model: EmbeddedModel, receivedBytes: number): void {
  if (!process.stderr.isTTY) return;
  const percent = Math.floor((receivedBytes / model.sizeBytes) * 100);
  process.stderr.write(
    `\r${model.displayName}: ${percent} % of ${megabytes(model.sizeBytes)}${receivedBytes >= model.sizeBytes ? '\n' : ''}`,
  );
}

function megabytes(sizeBytes: number): string {
  return `${Math.round(sizeBytes / 1e6)} MB`;
}
