import { invalid } from '../../shared/errors.ts';
import { isMethodName, MAX_METHOD_LENGTH } from '../../tunnel/names.ts';
import * as check from '../check.ts';
import { type RunMethod, runCall, type Surroundings } from './run.ts';
import type { Offer, Served } from './served.ts';
import type { AnyHandler, CallContext } from './service.ts';

const FORM = `pkg.Service/Method, at most ${MAX_METHOD_LENGTH} characters`;
const method: check.Check = (value) => (typeof value === 'string' && isMethodName(value) ? null : FORM);

/** What a raw handler knows of its call beside the messages. */
export interface RawContext extends CallContext {
  /** `pkg.Service/Method` */
  readonly method: string;
}

/**
 * Answers calls of whatever kind by the bytes of their messages, which nobody decodes: of a unary call one comes, and one
 * is to be answered. What it throws is the status, as with other handlers.
 */
export type RawHandler = (requests: AsyncIterable<Uint8Array>, context: RawContext) => AsyncIterable<Uint8Array>;

/** @throws ContactError INVALID_ARGUMENT naming what is no method, or no function */
export function offerRaw(names: readonly string[], handler: RawHandler, around: Surroundings): Offer {
  check.checkValue('methods', names, check.listOf(method));
  if (names.length === 0) throw invalid('methods', 'expected at least one');
  check.checkValue('handler', handler, check.method);
  const methods = new Map(names.map((name) => [name, serveRaw(name, handler, around)]));
  return { methods, services: [], acceptEncodings: [], isAway: () => false };
}

function serveRaw(name: string, handler: RawHandler, around: Surroundings): Served {
  const run = (requests: AsyncIterable<Uint8Array>, context: CallContext) =>
    handler(requests, { ...context, method: name });
  const raw: RunMethod = {
    hasOneRequest: false,
    hasOneAnswer: false,
    decode: (bytes) => bytes,
    encode: (answer) => answer as Uint8Array,
    handler: run as AnyHandler,
  };
  return { run: (call, open, _, onOver) => runCall(call, open, raw, around, onOver), kept: undefined };
}
