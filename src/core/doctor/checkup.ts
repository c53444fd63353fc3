import type { BackendError } from '../clients/errors.ts';
import type { BackendStatus, LLMClient } from '../clients/llmClient.ts';
import { findModelFiles, resolveModelPath } from '../embedded/modelFiles.ts';
import { checkAddress } from './address.ts';
import { checkContext, checkModels, checkToken, checkTools, type Answerer } from './model.ts';
import { checkDns, checkTcp, checkTls } from './network.ts';
import {
  failed,
  passed,
  skipped,
  withoutSecrets,
  type Finding,
  type Report,
  type Step,
  type StepName,
} from './report.ts';
import { checkServer, kindOf } from './server.ts';
import { shownUrl, type CheckOptions, type Target } from './target.ts';

/** Told of every step as soon as it is known. */
export type OnStep = (step: Step) => void;

/** The check of one server, step by step, up to the first that fails. @throws the signal's reason when it is aborted */
export async function checkTarget(target: Target, onStep: OnStep, signal: AbortSignal): Promise<Report> {
  const steps = await take(serverSteps(target, signal), onStep);
  const { url, client, options, proxy } = target;
  const key = await options.host.credentialFor(url.origin);
  const secrets = [key?.trim() ?? '', ...passwords(url), ...(proxy ? passwords(proxy.url) : [])];
  return withoutSecrets(report(client, shownUrl(url), steps, options), secrets);
}

/** As it stands in the address, and decoded. A name without a password is a token. */
function passwords({ username, password }: URL): readonly string[] {
  const secret = password || username;
  return [secret, decodeURIComponent(secret)];
}

/** The check of the engine that needs no server. Downloads nothing. @throws the signal's reason when it is aborted */
export async function checkEmbedded(
  client: LLMClient,
  options: CheckOptions,
  onStep: OnStep,
  signal: AbortSignal,
): Promise<Report> {
  const steps = await take(embeddedSteps(client, options, signal), onStep);
  return report(client, client.endpoint, steps, options);
}

async function* serverSteps(target: Target, signal: AbortSignal): AsyncGenerator<Step> {
  const { client, url, options, backend } = target;
  const { host, settings } = options;
  // Nothing at all goes to an origin that the user has not agreed to, not even a connection.
  if (!(await host.mayContact(url.origin))) {
    return yield* timed('address', () => notAgreed(target));
  }
  yield* timed('address', () => checkAddress(target));
  const dns = yield* measured('dns', () => checkDns(target, signal));
  if (dns.addresses.length > 0) yield* timed('tcp', () => checkTcp(target, dns.addresses, signal));
  yield* timed('tls', () => checkTls(target, signal));
  const { status, keyError } = yield* measured('server', () => checkServer(target, signal));
  yield* timed('key', async () => checkKey(keyError, (await host.credentialFor(url.origin)) !== undefined));
  const { model } = yield* measured('models', () => checkModels(client, settings, signal));
  if (!status || !model) return;
  const isCloud = backend === 'openai' || backend === 'anthropic';
  if (isCloud && !target.isChosen) {
    return yield* timed('token', () => skipped(`not asked, since it costs: choose ${backend} in a2ia.backend first`));
  }
  const answerer = { client, kind: kindOf(status) ?? backend, model };
  yield* modelSteps(answerer, signal);
  if (!isCloud) yield* timed('tools', () => checkTools(answerer, signal));
}

async function* embeddedSteps(client: LLMClient, options: CheckOptions, signal: AbortSignal): AsyncGenerator<Step> {
  yield* timed('server', async () => engineFinding(await client.probe(signal)));
  const { model } = yield* measured('models', () => checkModels(client, options.settings, signal));
  if (!model) return;
  const { modelPath } = options.settings.embedded;
  const files = await findModelFiles(resolveModelPath(modelPath) ?? '', options.host.engine.modelsDir);
  const file = files.find(({ id }) => id === model.id);
  if (file && !file.isThere) {
    const size = `${Math.round(file.sizeBytes / 1e6)} MB`;
    const detail = `${file.displayName} is not downloaded yet (${size}); A2IA asks before it does so, at the first question`;
    return yield* timed('token', () => skipped(detail));
  }
  yield* modelSteps({ client, kind: 'embedded', model }, signal);
}

async function* modelSteps(answerer: Answerer, signal: AbortSignal): AsyncGenerator<Step> {
  yield* timed('context', () => checkContext(answerer, signal));
  yield* timed('token', () => checkToken(answerer, signal));
}

function engineFinding(status: BackendStatus): Finding {
  switch (status.state) {
    case 'ready':
      return passed(`the engine ${[status.server, status.version].filter(Boolean).join(' ')} is installed`);
    case 'loading':
      return passed(status.detail);
    case 'unavailable':
      return { state: 'failed', detail: status.reason, fix: status.hint };
  }
}

function checkKey(error: BackendError | undefined, hasKey: boolean): Finding {
  if (!error)
    return hasKey ? passed('the key that was entered is accepted') : skipped('none is entered, and none is wanted');
  if (error.kind !== 'unauthorized') return failed(error);
  const another = hasKey ? 'another key' : 'the key of this server';
  const variable = `A2IA_${(error.backend ?? '').replace('-', '_').toUpperCase()}_API_KEY`;
  return failed(error, `Enter ${another} with A2IA: Set API Key; for the command line put it into ${variable}.`);
}

function notAgreed({ url, urlSetting }: Target): Finding {
  return {
    state: 'failed',
    detail: `This workspace names ${url.origin}, and you have not agreed that A2IA contacts it. Nothing was sent.`,
    fix: `Check again to be asked again, or change ${urlSetting}.`,
    nextStep: { do: 'openSetting', key: urlSetting },
  };
}

async function* timed(name: StepName, look: () => Finding | Promise<Finding>): AsyncGenerator<Step, void> {
  yield* measured(name, async () => ({ finding: await look() }));
}

async function* measured<T extends { readonly finding: Finding }>(
  name: StepName,
  look: () => Promise<T>,
): AsyncGenerator<Step, T> {
  const startedMs = performance.now();
  const found = await look();
  yield { name, durationMs: Math.round(performance.now() - startedMs), ...found.finding };
  return found;
}

/** Stops at the first step that failed: what comes after it is not even tried. */
async function take(all: AsyncGenerator<Step>, onStep: OnStep): Promise<readonly Step[]> {
  const steps: Step[] = [];
  for await (const step of all) {
    steps.push(step);
    onStep(step);
    if (step.state === 'failed') break;
  }
  return steps;
}

function report(client: LLMClient, endpoint: string, steps: readonly Step[], options: CheckOptions): Report {
  const find = (name: StepName) => steps.find((step) => step.name === name);
  const failure = steps.find(({ state }) => state === 'failed');
  const token = find('token');
  const works = failure === undefined && (token?.state === 'ok' || token?.state === 'warning');
  const verdict =
    failure?.detail ?? (works ? `It works: ${token?.detail}.` : `Not asked for a token: ${token?.detail}.`);
  return { backend: client.backend, endpoint, where: options.situation.where, works, verdict, steps };
}
