import type { DescMethod } from '@bufbuild/protobuf';
import { Metadata } from '@grpc/grpc-js';
import { invalid } from '../../shared/errors.ts';
import type { Pair } from '../../tunnel/frame.ts';
import { isLegal, isOfHttp, refuseSize } from '../../tunnel/metadata.ts';
import * as check from '../check.ts';
import { CONNECTION_RULES, type ConnectionOptions, checkObject } from '../options.ts';

type MetadataValue = string | Uint8Array;

/** Metadata of a call: text, or bytes under a key that ends in `-bin`; several values of a key in their order. */
export type CallMetadata = Metadata | Readonly<Record<string, MetadataValue | readonly MetadataValue[]>>;

/** Whom calls are for, and how they are made; of a caller, or of one call. */
export interface Addressing {
  /** Only this client may answer. Not together with `selector`. */
  readonly clientId?: string;
  /** Only clients whose labels match may answer: `site=berlin,gpu`. Not together with `clientId`. */
  readonly selector?: string;
  /**
   * `live` (default): now, or not at all. `durable`: the call is stored as a task and answered when somebody is there who
   * does, also after restarts of the server; unary methods alone.
   */
  readonly mode?: 'live' | 'durable';
  /**
   * Of live calls: milliseconds to wait until the server is there, and somebody who serves the method and has room for the
   * call. Default 0: it ends at once with UNAVAILABLE, or RESOURCE_EXHAUSTED. Durable calls wait in any case.
   */
  readonly waitMs?: number;
  /** Milliseconds that a call may take; default: 60,000 for unary methods, for those that stream there is no end. */
  readonly deadlineMs?: number;
}

/** What `createCaller()` takes. */
export interface CallerOptions extends ConnectionOptions, Addressing {}

/** What one call may say; what it leaves out is as the caller has it. */
export interface StubOptions extends Addressing {
  /** Sent along; keys of HTTP, of gRPC and of contact (`contact-…`) are refused. Default: none. */
  readonly metadata?: CallMetadata;
  /** Cancels the call, which rejects with CallError CANCELLED. A durable one goes on: its task is cancelled by `createAdmin()`. Default: none. */
  readonly signal?: AbortSignal;
  /** Told of the initial metadata of the answer, if there is any. */
  readonly onHeaders?: (headers: Metadata) => void;
  /** Told of the trailers, whatever the status, before the call ends here. */
  readonly onTrailers?: (trailers: Metadata) => void;
  /** Of durable calls: a name of your own for this call. While its task is kept, calling again is waiting for that one. Default: none. */
  readonly key?: string;
  /** Of durable calls: told of the task as soon as it is stored; its id is good for `caller.answer()`. */
  readonly onTask?: (taskId: string) => void;
}

/** What `answer()` may say. */
export type AnswerOptions = Pick<StubOptions, 'deadlineMs' | 'signal' | 'onHeaders' | 'onTrailers'>;

/** A call as it is to be made: checked, with the defaults of its caller. */
export interface Wanted extends Omit<StubOptions, 'deadlineMs'> {
  readonly mode: 'live' | 'durable';
  readonly waitMs: number;
  readonly deadlineMs: number | undefined;
  readonly pairs: readonly Pair[];
}

const UNARY_DEADLINE_MS = 60_000;

const ADDRESSING_RULES: Readonly<Record<keyof Addressing, check.Check>> = Object.freeze({
  clientId: check.name,
  selector: check.someText,
  mode: check.oneOf(['live', 'durable']),
  waitMs: check.waitMs,
  deadlineMs: check.waitMs,
});
const CALLER_RULES: Readonly<Record<keyof CallerOptions, check.Check>> = Object.freeze({
  ...CONNECTION_RULES,
  ...ADDRESSING_RULES,
});
const STUB_RULES: Readonly<Record<keyof StubOptions, check.Check>> = Object.freeze({
  ...ADDRESSING_RULES,
  metadata: check.either(check.object, (value) => (value instanceof Metadata ? null : 'Metadata')),
  signal: check.signal,
  onHeaders: check.method,
  onTrailers: check.method,
  key: check.name,
  onTask: check.method,
});
const ANSWER_RULES: Readonly<Record<keyof AnswerOptions, check.Check>> = Object.freeze({
  deadlineMs: check.waitMs,
  signal: check.signal,
  onHeaders: check.method,
  onTrailers: check.method,
});

/** Throws INVALID_ARGUMENT naming the option. */
export function validateCaller(options: CallerOptions): void {
  checkObject(options, CALLER_RULES);
  checkTarget(options);
}

/** What a call is to be. Throws INVALID_ARGUMENT naming the option that is wrong. */
export function readWanted(caller: Addressing, given: StubOptions, { methodKind, name }: DescMethod): Wanted {
  check.checkFields(given, STUB_RULES);
  checkTarget(given);
  const mode = given.mode ?? caller.mode ?? 'live';
  const isUnary = methodKind === 'unary';
  if (mode === 'durable' && !isUnary)
    throw invalid('mode', `only unary calls are durable, and ${name} is ${methodKind}`);
  if (mode === 'durable' && given.waitMs !== undefined) throw invalid('waitMs', 'a durable call waits in any case');
  for (const field of ['key', 'onTask'] as const) {
    if (mode === 'live' && given[field] !== undefined) throw invalid(field, 'is of durable calls alone');
  }
  // Of a call that names a target, or of its caller, but not a part of each.
  const { clientId, selector } = (given.clientId ?? given.selector) ? given : caller;
  return {
    ...given,
    mode,
    ...(clientId === undefined ? {} : { clientId }),
    ...(selector === undefined ? {} : { selector }),
    waitMs: given.waitMs ?? caller.waitMs ?? 0,
    deadlineMs: given.deadlineMs ?? caller.deadlineMs ?? (isUnary ? UNARY_DEADLINE_MS : undefined),
    pairs: readMetadata(given.metadata),
  };
}

/** How an answer is waited for. Throws INVALID_ARGUMENT naming the option that is wrong. */
export function readWaiting({ deadlineMs }: Addressing, given: AnswerOptions): Wanted {
  check.checkFields(given, ANSWER_RULES);
  const ms = given.deadlineMs ?? deadlineMs ?? UNARY_DEADLINE_MS;
  return { ...given, mode: 'durable', waitMs: 0, deadlineMs: ms, pairs: [] };
}

function checkTarget({ clientId, selector }: Addressing): void {
  if (clientId !== undefined && selector !== undefined) throw invalid('selector', 'not together with clientId');
  // Of calls it is a header; its grammar is the server's.
  if (selector !== undefined && !/^[ -~]+$/.test(selector))
    throw invalid('selector', 'expected printable ASCII characters');
}

function readMetadata(metadata: CallMetadata = {}): readonly Pair[] {
  const all: Readonly<Record<string, unknown>> = metadata instanceof Metadata ? metadata.toJSON() : metadata;
  const pairs: Pair[] = [];
  for (const [key, values] of Object.entries(all)) {
    const field = `metadata[${JSON.stringify(key.slice(0, 64))}]`;
    // Headers of grpc-js are a plain object, which takes the last of these for its prototype.
    if (isOfHttp(key) || /^(contact|grpc)-/.test(key) || key === '__proto__')
      throw invalid(field, 'is no key of metadata');
    for (const value of Array.isArray(values) ? values : [values]) {
      const isBytes = value instanceof Uint8Array;
      const pair = { key, value: isBytes ? Buffer.from(value) : value } as Pair;
      if (key.endsWith('-bin') !== isBytes || (!isBytes && typeof value !== 'string') || !isLegal(pair))
        throw invalid(
          field,
          'expected a key of 0-9 a-z _ - . with printable ASCII, or one that ends in -bin with a Uint8Array',
        );
      pairs.push(pair);
    }
  }
  const problem = refuseSize(pairs);
  if (problem !== undefined) throw invalid('metadata', problem);
  return pairs;
}
