import type { Clock } from '../../shared/clock.ts';
import { ContactError, tooLarge } from '../../shared/errors.ts';
import type { TunnelCall } from '../../tunnel/call.ts';
import { type End, type Pair, plainEnd } from '../../tunnel/frame.ts';
import { refuseSize } from '../../tunnel/metadata.ts';
import type { Piece } from '../../tunnel/outgoing.ts';
import { forward, readWait, readWanted } from './asked.ts';
import type { Callee, Callees, Nobody, Wanted } from './callees.ts';
import { type Caller, type LiveCall, MAYBE_STARTED, NOT_STARTED, writeEnd } from './caller.ts';

const CANCELLED = 1;

export interface LiveCallsOptions {
  readonly callees: Callees;
  readonly clock: Clock;
}

/** Brings callers and callees together. */
export function createLiveCalls({ callees, clock }: LiveCallsOptions): (caller: Caller) => LiveCall {
  return (caller) => {
    const { method, timeoutMs } = caller;
    const startedAt = clock.monotonic();
    let isOver = false;
    let call: TunnelCall | undefined;
    let isRead = false;
    /**
     * What was given to a call that its callee has not heard of: if that callee is lost, another one gets it. Its caller is
     * read no further meanwhile, which bounds it. Undefined: a callee has the beginning.
     */
    let unsent: Piece[] | undefined = [];
    let isHalfClosed = false;
    /** What this call has to give back when it is over. */
    const letGo: (() => void)[] = [];
    let stopWaiting = (): void => undefined;

    function end(last: End): void {
      if (isOver) return;
      isOver = true;
      stopWaiting();
      for (const one of letGo.splice(0)) one();
      caller.end(last);
    }

    function fail(error: unknown, extra: readonly Pair[] = []): void {
      if (isOver) return;
      call?.cancel();
      end(writeEnd(error, extra));
    }

    function begin(callee: Callee): void {
      stopWaiting();
      const { acceptEncodings } = callee.announced;
      if (caller.encoding !== 'identity' && !acceptEncodings.includes(caller.encoding)) {
        const problem = `grpc-encoding: ${callee.clientId} takes no messages in ${caller.encoding.slice(0, 32)}`;
        const accepted = ['identity', ...acceptEncodings].join(',');
        end(writeEnd(new ContactError('UNIMPLEMENTED', problem), [{ key: 'grpc-accept-encoding', value: accepted }]));
        return;
      }
      const leftMs = timeoutMs === 0 ? 0 : Math.max(1, Math.ceil(timeoutMs - (clock.monotonic() - startedAt)));
      const opened = callee.tunnel.open({ method, metadata: forward(caller), timeoutMs: leftMs });
      if (!opened) {
        fail(new ContactError('UNAVAILABLE', `${callee.clientId} is going`), NOT_STARTED);
        return;
      }
      call = opened;
      letGo.push(callee.occupy());
      opened.listen({
        headers: (pairs) => caller.headers(pairs),
        chunk: (chunk) => caller.chunk(chunk, () => opened.taken(chunk.cost)),
        ended: end,
        lost: (isOpened) =>
          isOpened ? fail(new ContactError('UNAVAILABLE', `${callee.clientId} has gone`), MAYBE_STARTED) : dispatch(),
        // A callee does neither; its tunnel takes care of that.
        halfClosed: () => undefined,
        cancelled: () => undefined,
      });
      for (const piece of unsent ?? []) opened.send(piece);
      if (isHalfClosed) opened.halfClose();
      if (!isRead) caller.read();
      isRead = true;
    }

    function remember(piece: Piece): Piece {
      const remembered = {
        ...piece,
        onTaken() {
          unsent = undefined;
          piece.onTaken();
        },
      };
      unsent?.push(remembered);
      return remembered;
    }

    /** To whoever serves it now; else it waits as long as its caller has said, from its beginning. */
    function dispatch(): void {
      call = undefined;
      const wanted = readWanted(caller.metadata);
      const waitMs = readWait(caller.metadata) - (clock.monotonic() - startedAt);
      const why = tryNow(wanted);
      if (why && waitMs > 0) waitFor(wanted, waitMs);
      else if (why) fail(explain(why, method, wanted), NOT_STARTED);
    }

    /** undefined: the call has begun, or is over. */
    function tryNow(wanted: Wanted): Nobody | undefined {
      const found = callees.find(method, wanted);
      if (typeof found === 'string') return found;
      begin(found);
      return undefined;
    }

    function waitFor(wanted: Wanted, waitMs: number): void {
      const leave = callees.wait(method, () => tryNow(wanted) === undefined);
      const cancel = clock.after(waitMs, () => {
        const why = tryNow(wanted);
        if (why) fail(explain(why, method, wanted), NOT_STARTED);
      });
      stopWaiting = () => {
        leave();
        cancel();
      };
    }

    if (timeoutMs > 0) {
      letGo.push(clock.after(timeoutMs, () => fail(new ContactError('DEADLINE_EXCEEDED', 'the deadline has passed'))));
    }
    try {
      const problem = refuseSize(caller.metadata);
      if (problem) throw tooLarge(problem, { field: 'metadata' });
      dispatch();
    } catch (error) {
      fail(error);
    }
    return {
      piece: (piece) => {
        const remembered = unsent ? remember(piece) : piece;
        call?.send(remembered);
      },
      halfClosed() {
        isHalfClosed = true;
        call?.halfClose();
      },
      gone() {
        call?.cancel();
        end(plainEnd(CANCELLED, 'the caller has gone'));
      },
      fail: (error) => fail(error),
    };
  };
}

function explain(why: Nobody, method: string, { clientId, matches }: Wanted): ContactError {
  if (why === 'unknown') return new ContactError('UNIMPLEMENTED', `no such method: /${method}`);
  if (why === 'busy') return new ContactError('RESOURCE_EXHAUSTED', `all that serve ${method} are busy`);
  const who = clientId ?? (matches ? 'no client that was selected' : 'nobody');
  return new ContactError(
    'UNAVAILABLE',
    `${who} ${clientId === undefined ? 'serves' : 'does not serve'} ${method} now`,
  );
}
