import assert from 'node:assert/strict';
import { inspect } from 'node:util';
import { BackendError, type BackendErrorKind } from '../../src/core/clients/errors.ts';
import { watch } from './markerKeys.ts';

/** The thrown value as a `BackendError` of that kind, with something to read in it. */
export function expectError(thrown: unknown, kind: BackendErrorKind): BackendError {
  if (!(thrown instanceof BackendError)) {
    assert.fail(
      `expected a BackendError of kind ${kind}, got ${thrown instanceof Error ? thrown.stack : String(thrown)}`,
    );
  }
  assert.equal(thrown.kind, kind, `${thrown.message} | ${thrown.hint} | ${thrown.serverMessage}`);
  assert.notEqual(thrown.message, '');
  assert.notEqual(thrown.hint, '');
  watch('error', visibleText(thrown));
  return thrown;
}

export async function rejection(promise: Promise<unknown>, kind: BackendErrorKind): Promise<BackendError> {
  let value: unknown;
  try {
    value = await promise;
  } catch (thrown) {
    return expectError(thrown, kind);
  }
  assert.fail(`expected ${kind}, got ${JSON.stringify(value)}`);
}

/** Everything of an error that a person or a log could see. */
export function visibleText(error: BackendError): string {
  const causes: string[] = [];
  for (let inner: unknown = error; inner instanceof Error && causes.length < 6; inner = inner.cause) {
    causes.push(inspect(inner, { depth: 8 }));
  }
  return `${error.hint} ${error.serverMessage} ${JSON.stringify(error.nextStep)} ${causes.join(' ')}`;
}
