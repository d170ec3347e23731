import { Buffer } from 'node:buffer';
import type { Clock } from '../../shared/clock.ts';
import { CODE_NAMES, ContactError, codeNumber, invalid, REASON_KEY, RETRY_KEY, tooLarge } from '../../shared/errors.ts';
import { type End, type Pair, plainEnd } from '../../tunnel/frame.ts';
import { refuseSize } from '../../tunnel/metadata.ts';
import type { Piece } from '../../tunnel/outgoing.ts';
import type { DurableCall, StoredCall } from '../model/call.ts';
import type { Caller as Principal } from '../model/caller.ts';
import type { ResultRecord, SettledState } from '../model/task.ts';
import { checkCaller, readTarget, readWait, textOf } from './asked.ts';
import { type Caller, type LiveCall, writeEnd } from './caller.ts';
import { passRequests, refuseEncoding } from './encoding.ts';
import type { Encoding, Inflater, OpenInflater } from './inflate.ts';
import type { MethodKind } from './methods.ts';

const MODE_KEY = 'contact-mode';
const DETACH_KEY = 'contact-detach';
const KEY_KEY = 'contact-key';
const TASK_KEY = 'contact-task';
/** Trailer of a status that is the end of a task, and no trouble of its caller's connection. */
const STATE_KEY = 'contact-state';
const OF_NEW_CALLS = [DETACH_KEY, KEY_KEY, 'contact-client', 'contact-selector'];
/** Of the caller's program and its connection, which are others when it calls again; a credential is not stored either. */
const OF_THE_MOMENT = /^(contact-|grpc-|(user-agent|authorization)$)/;
const NOTHING = Buffer.alloc(0);

type CodeName = (typeof CODE_NAMES)[number];
const NEVER: Pair = { key: RETRY_KEY, value: 'never' };

/** What a failure of the server's own, or of a worker that cannot read a call, is to a caller. */
const CODES: ReadonlyMap<string, CodeName> = new Map([
  ['TIMEOUT', 'DEADLINE_EXCEEDED'],
  ['LOST', 'ABORTED'],
  ['RELEASED', 'ABORTED'],
  ['TOO_LARGE', 'RESOURCE_EXHAUSTED'],
  ['INVALID_PAYLOAD', 'INTERNAL'],
  ['INVALID_RESULT', 'INTERNAL'],
]);

/** Finds a call that was stored before. */
export type FindCall = (call: { readonly id: string; readonly method: string }, who: Principal) => Promise<StoredCall>;

/** Stores a call, and tells how it ended. */
export type KeepCall = (call: DurableCall, who: Principal) => Promise<StoredCall>;

export interface DurableCallsOptions {
  readonly keep: KeepCall;
  readonly find: FindCall;
  readonly kindOf: (method: string) => MethodKind | undefined;
  readonly inflate: OpenInflater;
  readonly clock: Clock;
  readonly maxPayloadBytes: number;
}

/** Calls that are answered once somebody is there who does, be it after their caller has gone. */
export interface DurableCalls {
  begin(caller: Caller): LiveCall;
  /** Ends those whose callers wait; what is kept stays. */
  leave(why: ContactError): void;
}

/** Whether this call is to be kept. INVALID_ARGUMENT: its caller says something else. */
export function isDurable(metadata: readonly Pair[]): boolean {
  const mode = textOf(metadata, MODE_KEY);
  if (mode !== undefined && mode !== 'live' && mode !== 'durable') throw invalid(MODE_KEY, 'expected live or durable');
  return mode === 'durable';
}

export function createDurableCalls({
  keep,
  find,
  kindOf,
  inflate,
  clock,
  maxPayloadBytes,
}: DurableCallsOptions): DurableCalls {
  // Bounded by the calls that are open.
  const failures = new Set<(why: ContactError) => void>();

  function begin(caller: Caller): LiveCall {
    const { method, timeoutMs, metadata, who } = caller;
    // One message, which the budget of what all calls hold counts until it is stored.
    let pieces: Piece[] = [];
    let messageCount = 0;
    /** Unpacks what the caller sends; undefined: that is not compressed. */
    let inflater: Inflater | undefined;
    let isOver = false;
    let forget = (): void => undefined;
    const stopTimer =
      timeoutMs > 0
        ? clock.after(timeoutMs, () => fail(new ContactError('DEADLINE_EXCEEDED', 'the deadline has passed')))
        : () => undefined;
    failures.add(fail);

    function end(last: End): void {
      if (isOver) return;
      isOver = true;
      pieces = [];
      inflater?.close();
      stopTimer();
      forget();
      failures.delete(fail);
      caller.end(last);
    }

    function fail(error: unknown, extra: readonly Pair[] = []): void {
      end(writeEnd(error, extra));
    }

    function answer(bytes: Uint8Array): void {
      if (isOver) return;
      const data = Buffer.from(bytes.buffer, bytes.byteOffset, bytes.byteLength);
      const chunk = { bytes: data, isFirst: true, isLast: true, messageBytes: data.byteLength, isCompressed: false };
      caller.chunk({ ...chunk, cost: data.byteLength }, () => undefined);
      end(plainEnd(codeNumber('OK'), 'OK'));
    }

    function keepIt(isDetached: boolean): Promise<StoredCall> {
      const id = textOf(metadata, TASK_KEY);
      if (id !== undefined) return find({ id, method }, who);
      const payload = Buffer.concat(pieces.map(({ bytes }) => bytes));
      const key = textOf(metadata, KEY_KEY);
      const call = { method, payload, metadata: writeMetadata(metadata), ...readTarget(metadata), key, isDetached };
      return keep(call, who);
    }

    async function store(): Promise<void> {
      const isDetached = textOf(metadata, DETACH_KEY) === '1';
      const stored = await keepIt(isDetached);
      if (isOver) {
        stored.forget();
        return;
      }
      forget = stored.forget;
      for (const { onTaken } of pieces.splice(0)) onTaken();
      caller.headers([{ key: TASK_KEY, value: stored.id }]);
      if (isDetached) {
        answer(NOTHING);
        return;
      }
      const record = await stored.settled;
      if (record.state === 'succeeded') answer(record.result);
      else end(endOf(record));
    }

    function check(): void {
      const problem = refuseSize(metadata);
      if (problem) throw tooLarge(problem, { field: 'metadata' });
      checkCaller(caller);
      const kind = kindOf(method);
      if (kind !== undefined && kind !== 'unary') throw notUnary(`${method} is ${kind}`);
      readWait(metadata);
      const detach = textOf(metadata, DETACH_KEY);
      if (detach !== undefined && detach !== '1') throw invalid(DETACH_KEY, 'expected 1, or to be left out');
      if (textOf(metadata, TASK_KEY) === undefined) return;
      // What is awaited was stored before: nothing can be said of it any more.
      for (const key of OF_NEW_CALLS) {
        if (textOf(metadata, key) !== undefined) throw invalid(key, `not beside ${TASK_KEY}`);
      }
    }

    function take(piece: Piece): void {
      if (isOver) return;
      if (piece.messageBytes !== undefined) messageCount += 1;
      if (messageCount > 1) fail(notUnary('the request has two messages'));
      else if ((piece.messageBytes ?? 0) > maxPayloadBytes)
        fail(invalid('message', `${piece.messageBytes} bytes, at most ${maxPayloadBytes} are taken`));
      // What it came in is larger, and would stay as long as it does.
      else pieces.push({ ...piece, bytes: Buffer.from(piece.bytes) });
    }

    function finish(): void {
      if (isOver) return;
      if (messageCount === 0) fail(new ContactError('INTERNAL', 'the request ended before its message was whole'));
      else store().catch((error: unknown) => fail(error));
    }

    /** What was unpacked is kept until it is stored, as all that is read is. */
    function unpack(encoding: Encoding): Inflater {
      const { hold, giveBack } = caller;
      return inflate(encoding, {
        piece(piece) {
          const { byteLength } = piece.bytes;
          hold(byteLength);
          take({ ...piece, onTaken: () => giveBack(byteLength) });
          piece.onTaken();
        },
        ended: finish,
        failed: fail,
        hold,
        giveBack,
      });
    }

    try {
      check();
      const passage = passRequests(caller, []);
      if (passage.kind === 'refused') end(refuseEncoding(passage.encoding, []));
      else {
        if (passage.kind === 'inflate') inflater = unpack(passage.encoding);
        caller.read(true);
      }
    } catch (error) {
      fail(error);
    }
    return {
      piece: (piece) => (inflater ? inflater.add(piece) : take(piece)),
      halfClosed: () => (inflater ? inflater.end() : finish()),
      gone: () => end(plainEnd(codeNumber('CANCELLED'), 'the caller has gone')),
      fail: (error) => fail(error),
    };
  }

  return {
    begin,
    leave(why) {
      for (const fail of [...failures]) fail(why);
    },
  };
}

function notUnary(what: string): ContactError {
  return new ContactError('FAILED_PRECONDITION', `${what}: only unary calls are kept`, { field: MODE_KEY });
}

/** What the task keeps of the caller's metadata. Of a repeated key the values are joined, as HTTP does. */
function writeMetadata(pairs: readonly Pair[]): Record<string, string> {
  // A key may be any word, `__proto__` too.
  const metadata = new Map<string, string>();
  for (const { key, value } of pairs) {
    if (OF_THE_MOMENT.test(key)) continue;
    const text = typeof value === 'string' ? value : value.toString('base64');
    const before = metadata.get(key);
    metadata.set(key, before === undefined ? text : `${before},${text}`);
  }
  return Object.fromEntries(metadata);
}

/** How a task that came to no result ends its call: by the name of a code of gRPC that its worker has said. */
function endOf({ state, error, taskId }: ResultRecord): End {
  const message = error?.message || `task ${taskId} ${state}`;
  const name = error?.code ?? '';
  const isOwn = state !== 'failed' || CODES.has(name);
  const end = plainEnd(codeOf(state, name), message, [
    { key: STATE_KEY, value: state },
    // That is no word of its handler; waiting for the task again leads to the same.
    ...(isOwn ? [{ key: REASON_KEY, value: name || state.toUpperCase() }, NEVER] : []),
  ]);
  return error?.details ? { ...end, statusDetails: Buffer.from(error.details) } : end;
}

function codeOf(state: SettledState, name: string): number {
  if (state === 'cancelled') return codeNumber('CANCELLED');
  if (state === 'expired') return codeNumber('DEADLINE_EXCEEDED');
  const named = CODE_NAMES.find((one) => one === name && one !== 'OK');
  return codeNumber(named ?? CODES.get(name) ?? 'UNKNOWN');
}
