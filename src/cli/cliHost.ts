import type { Agent } from 'node:http';
import path from 'node:path';
import { createInterface } from 'node:readline/promises';
import type { BackendId } from '../core/clients/llmClient.ts';
import type { EmbeddedModel } from '../core/embedded/catalogue.ts';
import type { ProxyInUse } from '../core/doctor/target.ts';
import type { CoreHost, Download, EngineHost } from '../core/host.ts';
import type { Settings } from '../core/settings/settings.ts';
import { isLoopback } from '../core/util/loopback.ts';
import { createNodeGpuHost } from '../core/gpu/nodeGpuHost.ts';
import { readGpus } from '../core/gpu/readGpus.ts';
import { usefulContext } from '../core/gpu/usefulContext.ts';
import { dataFolder } from '../core/util/dataFolder.ts';
import { fileSize } from '../core/util/fileSize.ts';
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
    mustAsk: () => false,
    wait,
    // What other tools of the command line take.
    caFile: () => settings.caFile || environment['SSL_CERT_FILE'] || '',
    proxyAgentFor: (url) => proxyAgentFor(url, environment),
    engine: createEngineHost(options),
    async usefulContext(question, signal) {
      const gpuHost = createNodeGpuHost();
      const reading = await readGpus(gpuHost, signal);
      if (reading.state !== 'gpus') return undefined;
      const [{ OllamaFits, ownMachine }, { ownCalibrationFile }] = await Promise.all([
        import('../core/fit/ollamaFits.ts'),
        import('../core/fit/calibrationFile.ts'),
      ]);
      const fits = new OllamaFits(this, ownMachine(ownCalibrationFile(environment), gpuHost));
      return usefulContext(fits, reading.gpus, question, signal);
    },
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
  const proxy = await proxyUrlFor(url, environment);
  if (!proxy) return undefined;
  if (url.protocol === 'https:') {
    const { HttpsProxyAgent } = await import('https-proxy-agent');
    return new HttpsProxyAgent(proxy);
  }
  const { HttpProxyAgent } = await import('http-proxy-agent');
  return new HttpProxyAgent(proxy);
}

async function proxyUrlFor(url: URL, environment: NodeJS.ProcessEnv): Promise<string> {
  const anyProxy = proxyVariables(url).some((name) => environment[name]);
  if (isLoopback(url.hostname) || !anyProxy) return '';
  const { getProxyForUrl } = await import('proxy-from-env');
  return getProxyForUrl(url.href);
}

/** In the order in which they count. */
function proxyVariables({ protocol }: URL): readonly string[] {
  const names = [`${protocol.slice(0, -1)}_proxy`, 'all_proxy'];
  return names.flatMap((name) => [name, name.toUpperCase()]);
}

/** The same for a person who wants to know where it comes from. */
export async function proxyInUse(url: URL, environment: NodeJS.ProcessEnv): Promise<ProxyInUse | undefined> {
  const proxy = await proxyUrlFor(url, environment);
  if (!URL.canParse(proxy)) return undefined;
  const source = proxyVariables(url).find((name) => environment[name]) ?? 'the environment';
  return { url: new URL(proxy), source, exclusions: 'NO_PROXY' };
}

function createEngineHost({ environment, downloadAgreed }: CliHostOptions): EngineHost {
  return {
    workerPath: path.join(import.meta.dirname, 'embeddedWorker.mjs'),
    nodePath: process.execPath,
    nodeEnv: environment,
    modelsDir: environment['A2IA_MODELS_DIR'] || path.join(dataFolder(environment), 'models'),
    confirmDownload: (model, targetPath) => (downloadAgreed ? Promise.resolve(true) : askOnTerminal(model, targetPath)),
    duringDownload,
  };
}

async function askOnTerminal(model: EmbeddedModel, targetPath: string): Promise<boolean> {
  if (!process.stdin.isTTY || !process.stderr.isTTY) {
    process.stderr.write(
      `a2ia: ${model.displayName} is not here yet. Run again with --download to fetch it (${fileSize(model.sizeBytes)}).\n`,
    );
    return false;
  }
  const terminal = createInterface({ input: process.stdin, output: process.stderr });
  const question = `Download ${model.displayName} (${fileSize(model.sizeBytes)}, licence ${model.license}) to ${targetPath}? [y/N] `;
  const reply = await terminal.question(question);
  terminal.close();
  return /^y(es)?$/i.test(reply.trim());
}

async function duringDownload(model: EmbeddedModel, download: Download): Promise<void> {
  if (!process.stderr.isTTY) return download(() => undefined);
  try {
    await download((receivedBytes) => {
      const percent = Math.floor((receivedBytes / model.sizeBytes) * 100);
      process.stderr.write(`\r${model.displayName}: ${percent} % of ${fileSize(model.sizeBytes)}`);
    });
  } finally {
    process.stderr.write('\n');
  }
}
