import { fromBinary } from '@bufbuild/protobuf';
import { BinaryReader, WireType } from '@bufbuild/protobuf/wire';
import { type Any, AnySchema } from '@bufbuild/protobuf/wkt';
import { Metadata, type StatusObject, status } from '@grpc/grpc-js';
import { type CloseAdvice, ContactError, isRetry, RETRY_KEY } from '../../shared/errors.ts';
import { SETTLED_STATES, type SettledState } from '../state.ts';

const STARTED_KEY = 'contact-started';
const STATE_KEY = 'contact-state';
const DETAILS_KEY = 'grpc-status-details-bin';
/** The number of `details` in google.rpc.Status. */
const DETAILS = 3;

/** What is known of a call beside its status. */
export interface CallFacts {
  /** Nothing of it can have reached the server. */
  readonly isUnsent: boolean;
  /** Of a durable call whose task is stored. */
  readonly taskId?: string | undefined;
}

/**
 * How a call of a stub ended, if not well: what the callee, the server or the connection said.
 * @example
 * if (error instanceof CallError && error.started === 'no') console.log(`${error.code}: nobody has begun, call it again`);
 */
export class CallError extends ContactError {
  /** The code of gRPC, 1 to 16. `code` has its name; but UNKNOWN and DATA_LOSS, which ContactError has not, are INTERNAL there. */
  readonly status: number;
  /** The trailers of the call; empty: there were none. */
  readonly metadata: Metadata;
  /** `no`: nobody has begun to answer it, so that it may be called again whatever it does. `maybe`: nobody knows. */
  readonly started: 'no' | 'maybe';
  /** The task of a durable call, once it is stored; the answer is still to come unless `taskState` is set. */
  readonly taskId: string | undefined;
  /** What the task of a durable call has come to: `failed`, `cancelled` or `expired`; undefined: nothing that is known. */
  readonly taskState: SettledState | undefined;

  constructor(end: StatusObject, { isUnsent, taskId }: CallFacts) {
    const { code, problem, field, index, retryAfterMs, advice, isMarked, cause } = readStatus(end);
    super(code, problem, {
      isMarked,
      ...(field === undefined ? {} : { field }),
      ...(index === undefined ? {} : { index }),
      ...(retryAfterMs === undefined ? {} : { retryAfterMs }),
      ...(advice === undefined ? {} : { advice }),
      ...(cause === undefined ? {} : { cause }),
    });
    this.name = 'CallError';
    this.status = end.code;
    this.metadata = end.metadata;
    this.started = isUnsent || textOf(end.metadata, STARTED_KEY) === 'no' ? 'no' : 'maybe';
    this.taskId = taskId;
    this.taskState = readState(textOf(end.metadata, STATE_KEY));
  }

  /**
   * When calling again makes sense, as the server says, or what keeps TLS from coming about; undefined: nobody knows. Whether it
   * is safe, `started` says.
   */
  get retry(): CloseAdvice['retry'] | undefined {
    const told = this.isMarked ? textOf(this.metadata, RETRY_KEY) : undefined;
    return isRetry(told) ? told : this.advice?.retry;
  }

  /** The details of the `google.rpc.Status` that came with the error, to be read with `anyUnpack`; empty: there are none. */
  get details(): readonly Any[] {
    const [bytes] = this.metadata.get(DETAILS_KEY);
    return bytes instanceof Uint8Array ? readDetails(bytes) : [];
  }
}

/** An error of this end's own, as if it had come as a status. */
export function endHere(
  code: 'CANCELLED' | 'DEADLINE_EXCEEDED' | 'INTERNAL' | 'UNAVAILABLE',
  details: string,
): StatusObject {
  return { code: status[code], details, metadata: new Metadata() };
}

/** Why there is no connection to call over, as callers are told of it. */
export function notConnected(failure: unknown): CallError {
  const { code, message, advice } = ContactError.from(failure);
  const metadata = new Metadata();
  if (advice) metadata.set(RETRY_KEY, advice.retry);
  return new CallError({ code: status[code], details: message, metadata }, { isUnsent: true });
}

function readStatus(end: StatusObject): ContactError {
  return ContactError.from(Object.assign(new Error(end.details), end));
}

function readState(text: string | undefined): SettledState | undefined {
  return text !== undefined && SETTLED_STATES.includes(text) ? (text as SettledState) : undefined;
}

function textOf(metadata: Metadata, key: string): string | undefined {
  return metadata.get(key)[0]?.toString();
}

/** What cannot be read is no reason to lose the error itself. */
function readDetails(bytes: Uint8Array): readonly Any[] {
  const details: Any[] = [];
  try {
    const reader = new BinaryReader(bytes);
    while (reader.pos < reader.len) {
      const [field, type] = reader.tag();
      if (field === DETAILS && type === WireType.LengthDelimited) details.push(fromBinary(AnySchema, reader.bytes()));
      else reader.skip(type, field);
    }
  } catch {
    return [];
  }
  return details;
}
