import { BackendError } from '../clients/errors.ts';
import { sendJson, type TransportOptions } from '../clients/transport.ts';
import type { FitModel } from './fitRequest.ts';
import { knownModel } from './catalogue.ts';
import { fileTypeNamed } from './modelNames.ts';
import { fileBytes, ruledWeights, scaledTo } from './modelWeights.ts';
import type { ModelFacts, WeightBytes } from './modelFacts.ts';
import { factsOfOllamaShow, leavesOut } from './ollamaFacts.ts';

export type OllamaModelReading =
  | {
      readonly outcome: 'model';
      readonly model: FitModel;
      /** Of the server: `0.33.0`. */
      readonly version?: string;
    }
  /** Two sentences for the user: what is wrong, and what to do. */
  | { readonly outcome: 'unusable'; readonly problem: string; readonly hint: string };

/**
 * A model as an Ollama server describes it: shape and tensors by `/api/show`, size and digest of its files by `/api/tags`. The detailed answer has the vocabulary in it, some
 * MB, and is asked for only where the short one leaves something out.
 * @throws BackendError, or the reason of the signal
 */
export async function readOllamaModel(
  url: string,
  transport: TransportOptions,
  name: string,
  signal: AbortSignal,
): Promise<OllamaModelReading> {
  const ask = (path: string, body?: object): Promise<unknown> =>
    sendJson(transport, {
      url: new URL(path, `${url.replace(/\/$/, '')}/`).href,
      method: body ? 'POST' : 'GET',
      ...(body ? { body: JSON.stringify(body) } : {}),
      signal,
    });
  const optional = async (path: string): Promise<unknown> => {
    try {
      return await ask(path);
    } catch (error) {
      signal.throwIfAborted();
      if (error instanceof BackendError) return undefined;
      throw error;
    }
  };
  const [short, tags, versions] = await Promise.all([
    ask('api/show', { model: name }),
    optional('api/tags'),
    optional('api/version'),
  ]);
  if (field(short, 'remote_model') !== undefined) {
    return {
      outcome: 'unusable',
      problem: `${name} runs on somebody else’s machine, so it takes no memory here.`,
      hint: 'Nothing has to fit.',
    };
  }
  const listed = entryOf(tags, name);
  const shown = leavesOut(short) ? await ask('api/show', { model: name, verbose: true }) : short;
  const size = numberField(listed, 'size');
  const reading = factsOfOllamaShow(shown, size);
  if (reading.outcome === 'unusable') {
    return {
      outcome: 'unusable',
      problem: `What Ollama says of ${name} cannot be planned with: its description ${reading.problem}.`,
      hint: 'Name the model’s GGUF file instead, or a model of the catalogue.',
    };
  }
  const level =
    textField(field(shown, 'details'), 'quantization_level') ??
    textField(field(listed, 'details'), 'quantization_level');
  const fileType = fileTypeNamed(level ?? '') ?? fileTypeNamed(name);
  const version = textField(versions, 'version');
  const digest = textField(listed, 'digest');
  return {
    outcome: 'model',
    model: {
      ...withWeights(name, reading.facts, fileType, size, field(shown, 'projector_info') !== undefined),
      ...(digest === undefined ? {} : { digest }),
    },
    ...(version === undefined ? {} : { version }),
  };
}

/** A picture encoder in a file of its own is what the model's files have beyond its tensors. */
function withWeights(
  name: string,
  facts: ModelFacts,
  fileType: string | undefined,
  size: number | undefined,
  hasProjector: boolean,
): FitModel {
  const encoder = knownModel(name)?.encoder;
  const whole: ModelFacts = hasProjector && encoder && !facts.encoder ? { ...facts, encoder } : facts;
  const weights = whole.weights ?? sizedByRule(whole, fileType, size);
  const beside = weights && size !== undefined && hasProjector ? Math.max(0, size - fileBytes(weights)) : 0;
  return {
    name,
    facts: whole,
    ...(weights === undefined
      ? {}
      : { weights: beside > 0 && weights.encoder === 0 ? { ...weights, encoder: beside } : weights }),
    ...(fileType === undefined ? {} : { fileType }),
  };
}

/** Servers before 0.6.1 list no tensors. */
function sizedByRule(
  facts: ModelFacts,
  fileType: string | undefined,
  size: number | undefined,
): WeightBytes | undefined {
  const ruled = fileType === undefined ? undefined : ruledWeights(facts, fileType);
  return ruled && size !== undefined ? scaledTo(size, ruled) : ruled;
}

function entryOf(tags: unknown, name: string): unknown {
  const models = field(tags, 'models');
  if (!Array.isArray(models)) return undefined;
  const names = [name, `${name}:latest`].map((each) => each.toLowerCase());
  return models.find((entry) =>
    names.includes(String(textField(entry, 'model') ?? textField(entry, 'name')).toLowerCase()),
  );
}

function field(value: unknown, key: string): unknown {
  if (typeof value !== 'object' || value === null) return undefined;
  return (value as Readonly<Record<string, unknown>>)[key] ?? undefined;
}

function textField(value: unknown, key: string): string | undefined {
  const text = field(value, key);
  return typeof text === 'string' && text.length <= 200 ? text : undefined;
}

function numberField(value: unknown, key: string): number | undefined {
  const number = field(value, key);
  return typeof number === 'number' && Number.isSafeInteger(number) && number > 0 ? number : undefined;
}
