import { constants, type ServerHttp2Stream } from 'node:http2';
import { ServerInterceptingCall, type ServerInterceptor } from '@grpc/grpc-js';
import { health } from '../../gen/index.ts';
import { ChurnMap } from '../../shared/churn.ts';
import type { Clock } from '../../shared/clock.ts';
import { createCollector } from '../../shared/collect.ts';
import { ContactError } from '../../shared/errors.ts';
import { methodPath } from '../../shared/grpc.ts';
import type { Logger } from '../../shared/logger.ts';
import { toStatus } from '../../shared/status.ts';
import { type Caller, hasRights, mayDoEverything } from '../model/caller.ts';
import { closing } from '../session/closing.ts';
import { type Patience, patienceMs } from '../session/liveness.ts';
import { cancelStream } from './answering.ts';
import { callerOfStream } from './callers.ts';
import { forgetMessage, noteDebt, type OpenCall, WINDOW_BYTES } from './debt.ts';
import { type InnerCall, insideOf } from './internals.ts';
import { lookAtLine, sharedBytes } from './line.ts';

/** Looks at all open calls in a ping interval. */
const LOOKS = 20;
export const COME_AGAIN_MS = 10_000;
/**
 * Calls of Health.Check beyond all others, so that a server with as many calls as it takes is not restarted by its
 * probes.
 */
const HEALTH_RESERVE = 100;
/**
 * Calls beyond those of others, so that a server that others have filled can be mended: of operators who may do everything;
 * and of those over their socket file, who have as many for themselves alone.
 */
const OPERATOR_RESERVE = 50;
const HEALTH_CHECK = methodPath(health.Health.method.check);
/** A part of the budget: when so much was received or answered there is a look before its time. */
const LOOK_SHARE = 1 / 16;
/** How long a client may take the status of a call that was ended before the call is reset. */
const TAKE_STATUS_MS = 250;
/**
 * Copies of an answer that wait to be collected: its bytes, and what they were written from, which is twice as large.
 */
const ANSWER_COPIES = 3;

export interface OpenCallsOptions {
  readonly clock: Clock;
  readonly logger: Logger;
  readonly patience: Patience;
  readonly maxOpenCalls: number;
  /** Bytes of unfinished messages and unread answers of all calls. */
  readonly heldBudgetBytes: number;
}

const isWholeOperator = (part: Caller): boolean => part.roles.has('operator') && mayDoEverything(part);

/** The calls that grpc-js has taken and not ended. */
export interface OpenCalls {
  readonly interceptor: ServerInterceptor;
  /** Ends the calls for which there is a reason, each with that. */
  expel(reasonFor: (stream: ServerHttp2Stream) => ContactError | undefined): void;
  /** Calls that are open. */
  readonly size: number;
}

/**
 * An interceptor that sees every call once, when it begins, and hands it on as it is: messages pass as if it were not
 * there. All open calls are looked at by one timer, and whenever much has been received or answered since the last
 * look.
 */
export function createOpenCalls(options: OpenCallsOptions): OpenCalls {
  const { clock, logger, patience, maxOpenCalls, heldBudgetBytes } = options;
  // Bounded by `maxOpenCalls`.
  const openCalls = new ChurnMap<InnerCall, OpenCall>();
  let isLooking = false;
  const lookMs = patience.pingIntervalMs / LOOKS;
  // Milliseconds as the looks count them: the time that the whole process stood still is nobody's fault.
  let now = 0;
  let lookedAt = 0;

  const collector = createCollector(clock.monotonic);
  /** Bytes received or answered since the last look. */
  let movedBytes = 0;

  function lookLater(): void {
    clock.after(lookMs, () => {
      look();
      isLooking = openCalls.size > 0;
      if (isLooking) lookLater();
    });
  }

  function look(): void {
    const moved = movedBytes;
    movedBytes = 0;
    now += Math.min(clock.monotonic() - lookedAt, 2 * lookMs);
    lookedAt = clock.monotonic();
    const debtors: OpenCall[] = [];
    for (const [, call] of openCalls) {
      noteDebt(call, now);
      if (call.debt) debtors.push(call);
    }
    const held = debtors.reduce((sum, { debt }) => sum + debt!.heldBytes, 0);
    endBeyondBudget(endOverdue(debtors));
    if (held > heldBudgetBytes / 4) collector.pass(moved);
  }

  function move(bytes: number): void {
    movedBytes += bytes;
    if (movedBytes >= heldBudgetBytes * LOOK_SHARE) look();
  }

  // One function each for all calls, over those of grpc-js: an addition for what is received at a time.
  function receive(this: InnerCall['decoder'], data: Buffer): unknown {
    const messages = Object.getPrototypeOf(this).write.call(this, data);
    forgetMessage(this);
    move(data.byteLength);
    return messages;
  }

  function answer(this: InnerCall, message: unknown, callback: () => void): void {
    Object.getPrototypeOf(this).sendMessage.call(this, message, callback);
    move(this.stream.writableLength * ANSWER_COPIES);
  }

  /**
   * Ends the calls that are late; answers the others. Calls of one connection share its line and wait for each other.
   */
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
      const passedMs = now - call.since;
      if (!isStuck && passedMs <= patienceMs(patience, bytes + windows)) return true;
      // An answer waits for all that its connection carries, streams too.
      if (call.debt!.kind !== 'message' && passedMs <= patienceMs(patience, bytes + windows + shared(call)))
        return true;
      end(call, closing('SILENT', 'backoff', 'a message did not become whole in time'));
      return false;
    });
  }

  const shared = ({ inner, lineBefore }: OpenCall): number =>
    lineBefore ? sharedBytes(lineBefore, lookAtLine(inner.stream)) : 0;

  function endBeyondBudget(debtors: OpenCall[]): void {
    let held = debtors.reduce((sum, { debt, isEnding }) => sum + (isEnding ? 0 : debt!.heldBytes), 0);
    if (held <= heldBudgetBytes) return;
    logger.warn({ held, heldBudgetBytes }, 'unfinished messages and unread answers take too much: the oldest end');
    for (const call of debtors.sort((a, b) => a.movedAt - b.movedAt || a.since - b.since)) {
      if (held <= heldBudgetBytes) return;
      // Calls are many, and what would fit into a window of each is not what takes the memory.
      if (call.isEnding || call.debt!.heldBytes < WINDOW_BYTES) continue;
      held -= call.debt!.heldBytes;
      const text = 'unfinished messages and unread answers of all calls take more than the server has';
      end(call, new ContactError('RESOURCE_EXHAUSTED', text, { retryAfterMs: COME_AGAIN_MS }));
    }
  }

  function reserveFor(path: string, { stream }: InnerCall): number {
    if (path === HEALTH_CHECK) return HEALTH_RESERVE;
    const caller = callerOfStream(stream);
    if (caller?.kind === 'local') return 2 * OPERATOR_RESERVE;
    const isOperators = caller && caller.kind !== 'anonymous' && hasRights(caller, isWholeOperator);
    return isOperators ? OPERATOR_RESERVE : 0;
  }

  const interceptor: ServerInterceptor = (method, call) => {
    const inner = insideOf(call);
    if (openCalls.size >= maxOpenCalls && openCalls.size >= maxOpenCalls + reserveFor(method.path, inner)) {
      const text = `${maxOpenCalls} are open, more are not taken`;
      const detail = { field: 'calls', retryAfterMs: COME_AGAIN_MS };
      const refusal = toStatus(new ContactError('RESOURCE_EXHAUSTED', text, detail));
      // The call is never started, so no handler hears of it.
      return new ServerInterceptingCall(call, { start: () => call.sendStatus(refusal) });
    }
    const { requestStream, responseStream } = method;
    const open = {
      inner,
      hasOneRequest: !requestStream,
      hasOneAnswer: !responseStream,
      isEnding: false,
      debt: undefined,
      lineBefore: undefined,
    };
    openCalls.set(inner, { ...open, since: now, movedAt: now });
    inner.stream.once('close', () => openCalls.delete(inner));
    inner.decoder.write = receive;
    if (!responseStream) inner.sendMessage = answer;
    if (!isLooking) {
      isLooking = true;
      lookedAt = clock.monotonic();
      lookLater();
    }
    // grpc-js takes whatever has the methods of an intercepted call; its own call has them, and costs nothing.
    return call as ServerInterceptingCall;
  };

  /**
   * The status goes first where one can. What the call holds goes with its stream, which is reset once the status has
   * left; a client that reads nothing does not keep it.
   */
  function end(call: OpenCall, error: ContactError): void {
    const { inner, debt } = call;
    const { stream } = inner;
    call.isEnding = true;
    if (debt!.kind !== 'message') {
      cancelStream(stream);
      return;
    }
    endNow(inner, error);
  }

  /** The status goes first, then the stream; a client that takes neither does not keep it. */
  function endNow(inner: InnerCall, error: ContactError): void {
    const { stream } = inner;
    // After the head of an answer the status is in its trailers, which are asked for once that has left.
    const leaving = stream.headersSent ? 'wantTrailers' : 'finish';
    inner.sendStatus(toStatus(error));
    stream.once(leaving, () => setImmediate(() => stream.close(constants.NGHTTP2_NO_ERROR)));
    clock.after(TAKE_STATUS_MS, () => cancelStream(stream));
  }

  return {
    interceptor,
    get size() {
      return openCalls.size;
    },
    expel(reasonFor) {
      for (const [inner] of [...openCalls]) {
        const reason = reasonFor(inner.stream);
        if (reason) endNow(inner, reason);
      }
    },
  };
}
