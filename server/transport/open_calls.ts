import { constants, type ServerHttp2Stream } from 'node:http2';
import { ServerInterceptingCall, type ServerInterceptor } from '@grpc/grpc-js';
import { ChurnMap } from '../../shared/churn.ts';
import type { Clock } from '../../shared/clock.ts';
import { ContactError, toStatus } from '../../shared/errors.ts';
import type { Logger } from '../../shared/logger.ts';
import { closing } from '../session/closing.ts';
import { type Patience, patienceMs } from '../session/liveness.ts';

/** Looks per ping interval. Between two of them what is held is bounded by the calls and their windows only. */
const LOOKS = 20;
const COME_AGAIN_MS = 10_000;
/** What HTTP/2 lets a client send of one call before it is told to go on. */
const WINDOW_BYTES = 65_535;

/**
 * What grpc-js knows of a call that it reads. It keeps the pieces of a message until it is whole, and an answer until it
 * is read, and tells nobody; without these fields nobody is watched, and a test fails.
 */
interface InnerCall {
  readonly stream: ServerHttp2Stream;
  readonly decoder: {
    /** 0: between two messages. */
    readonly readState: number;
    readonly readMessageSize: number;
    readonly readMessageRemaining: number;
    /** The pieces of a message, in a new array for each; those of the last one stay there until the next begins. */
    readPartialMessage: readonly object[];
    /** A slice of the piece that a message began in, which it keeps. Never written to. */
    readCompressFlag: Buffer;
  };
  readonly receivedHalfClose: boolean;
}

/** What a call holds while its client owes something: the rest of a message, or taking its answer. */
interface Debt {
  readonly kind: 'message' | 'answer' | 'end';
  /** A new one is a new debt. */
  readonly key: unknown;
  readonly heldBytes: number;
  /** With those that are still to come. */
  readonly wholeBytes: number;
}

interface OpenCall {
  readonly inner: InnerCall;
  readonly hasOneRequest: boolean;
  readonly hasOneAnswer: boolean;
  debt: Debt | undefined;
  /** When the debt began, and when it last became less. */
  since: number;
  movedAt: number;
}

export interface OpenCallsOptions {
  readonly clock: Clock;
  readonly logger: Logger;
  readonly patience: Patience;
  readonly maxOpenCalls: number;
  /** Bytes of unfinished messages and unread answers of all calls. */
  readonly heldBudgetBytes: number;
}

/**
 * An interceptor that sees every call once, when it begins, and hands it on as it is: messages pass as if it were not
 * there. All open calls are looked at by one timer.
 */
export function createOpenCalls(options: OpenCallsOptions): ServerInterceptor {
  const { clock, logger, patience, maxOpenCalls, heldBudgetBytes } = options;
  // Bounded by `maxOpenCalls`.
  const openCalls = new ChurnMap<InnerCall, OpenCall>();
  let isLooking = false;
  const lookMs = patience.pingIntervalMs / LOOKS;
  // Time as the looks count it: what a pause of the whole process took is nobody's fault.
  let now = 0;
  let lookedAt = 0;

  function lookLater(): void {
    lookedAt = clock.monotonic();
    clock.after(lookMs, look);
  }

  function look(): void {
    now += Math.min(clock.monotonic() - lookedAt, 2 * lookMs);
    const debtors: OpenCall[] = [];
    for (const [, call] of openCalls) {
      noteDebt(call, now);
      forgetMessage(call.inner);
      if (call.debt) debtors.push(call);
    }
    endBeyondBudget(endOverdue(debtors));
    isLooking = openCalls.size > 0;
    if (isLooking) lookLater();
  }

  /** Ends what is late; answers the others. The calls of one connection share its line, so they wait for each other. */
  function endOverdue(debtors: readonly OpenCall[]): OpenCall[] {
    const lines = new Map<unknown, { calls: number; bytes: number }>();
    for (const { inner, debt } of debtors) {
      const line = lines.get(inner.stream.session) ?? { calls: 0, bytes: 0 };
      line.calls += 1;
      line.bytes += debt!.wholeBytes;
      lines.set(inner.stream.session, line);
    }
    return debtors.filter((call) => {
      const { calls, bytes } = lines.get(call.inner.stream.session)!;
      const windows = calls * WINDOW_BYTES;
      const isStuck = call.debt!.kind === 'message' && now - call.movedAt > patienceMs(patience, windows);
      if (!isStuck && now - call.since <= patienceMs(patience, bytes + windows)) return true;
      end(call, closing('SILENT', 'backoff', 'a message did not become whole in time'));
      return false;
    });
  }

  function endBeyondBudget(debtors: OpenCall[]): void {
    let held = debtors.reduce((sum, { debt }) => sum + debt!.heldBytes, 0);
    if (held <= heldBudgetBytes) return;
    logger.warn({ held, heldBudgetBytes }, 'unfinished messages and unread answers take too much: the oldest end');
    for (const call of debtors.sort((a, b) => a.movedAt - b.movedAt || a.since - b.since)) {
      if (held <= heldBudgetBytes) return;
      held -= call.debt!.heldBytes;
      const text = 'unfinished messages and unread answers of all calls take more than the server has';
      end(call, new ContactError('RESOURCE_EXHAUSTED', text, { retryAfterMs: COME_AGAIN_MS }));
    }
  }

  return (method, call) => {
    const inner = call as unknown as InnerCall;
    if (openCalls.size >= maxOpenCalls) {
      const text = `calls: ${maxOpenCalls} are open, more are not taken`;
      const refusal = toStatus(new ContactError('RESOURCE_EXHAUSTED', text, { retryAfterMs: COME_AGAIN_MS }));
      // It is never started, so no handler hears of it.
      return new ServerInterceptingCall(call, { start: () => call.sendStatus(refusal) });
    }
    const { requestStream, responseStream } = method;
    const open = { inner, hasOneRequest: !requestStream, hasOneAnswer: !responseStream, debt: undefined };
    openCalls.set(inner, { ...open, since: now, movedAt: now });
    inner.stream.once('close', () => openCalls.delete(inner));
    if (!isLooking) {
      isLooking = true;
      lookLater();
    }
    // grpc-js takes whatever offers the calls of an intercepted one; the one that it gave costs nothing.
    return call as ServerInterceptingCall;
  };

  /** The status goes first where one can; the next look but one finds a client that does not let the stream go. */
  function end({ inner, debt }: OpenCall, error: ContactError): void {
    const { stream } = inner;
    if (debt!.kind === 'message') {
      (inner as unknown as { sendStatus(status: unknown): void }).sendStatus(toStatus(error));
      // What it had of the message goes with the stream.
      if (stream.writableFinished) stream.close(constants.NGHTTP2_NO_ERROR);
    } else {
      stream.close(constants.NGHTTP2_CANCEL);
    }
  }
}

function noteDebt(call: OpenCall, now: number): void {
  const debt = debtOf(call);
  const before = call.debt;
  call.debt = debt;
  if (!debt) return;
  const isNew = debt.key !== before?.key;
  if (isNew) call.since = now;
  if (isNew || debt.heldBytes !== before?.heldBytes) call.movedAt = now;
  // We do not read it at the moment: what is missing is not its client's fault.
  if (debt.kind === 'message' && call.inner.stream.isPaused()) call.since = call.movedAt = now;
}

const NO_PIECES: readonly object[] = Object.freeze([]);
const NO_FLAG = Buffer.alloc(1);

/** Between two messages grpc-js needs nothing of the last one: without this each open stream keeps its megabytes. */
function forgetMessage({ decoder }: InnerCall): void {
  if (decoder.readState !== 0 || decoder.readCompressFlag === NO_FLAG) return;
  decoder.readPartialMessage = NO_PIECES;
  decoder.readCompressFlag = NO_FLAG;
}

function debtOf({ inner, hasOneRequest, hasOneAnswer }: OpenCall): Debt | undefined {
  const { stream, decoder, receivedHalfClose } = inner;
  const unread = stream.writableLength;
  if (stream.writableEnded) return { kind: 'end', key: 'end', heldBytes: unread, wholeBytes: unread };
  if (hasOneAnswer && unread > 0) return { kind: 'answer', key: 'answer', heldBytes: unread, wholeBytes: unread };
  const { readState, readMessageSize, readMessageRemaining, readPartialMessage } = decoder;
  const received = readMessageSize - readMessageRemaining;
  if (readState !== 0)
    return { kind: 'message', key: readPartialMessage, heldBytes: received, wholeBytes: readMessageSize };
  if (hasOneRequest && !receivedHalfClose)
    return { kind: 'message', key: 'request', heldBytes: received, wholeBytes: readMessageSize };
  return undefined;
}
