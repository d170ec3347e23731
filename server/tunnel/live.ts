import type { Clock } from '../../shared/clock.ts';
import { ContactError, codeNumber, tooLarge } from '../../shared/errors.ts';
import type { TunnelCall } from '../../tunnel/call.ts';
import { type End, type Pair, plainEnd } from '../../tunnel/frame.ts';
import { refuseSize } from '../../tunnel/metadata.ts';
import type { Piece } from '../../tunnel/outgoing.ts';
import { createAnswers } from './answers.ts';
import { checkCaller, forward, readWait, readWanted, SELECTOR_KEY } from './asked.ts';
import type { Callee, Wanted } from './callee.ts';
import type { Callees, Nobody } from './callees.ts';
import { type Caller, type LiveCall, MAYBE_STARTED, NOT_STARTED, writeEnd } from './caller.ts';
import { passRequests, refuseEncoding, withoutEncoding } from './encoding.ts';
import type { Encoding, Inflater, OpenInflater } from './inflate.ts';
import { explainNobody } from './nobody.ts';
import { MAX_SELECTORS } from './waiters.ts';

export interface LiveCallsOptions {
  readonly callees: Callees;
  readonly clock: Clock;
  readonly inflate: OpenInflater;
}

/** Calls that are answered now, or not at all. */
export interface LiveCalls {
  begin(caller: Caller): LiveCall;
  /** Ends those that wait for a callee, since none comes any more; those that run go on. */
  leave(why: ContactError): void;
}

/** Brings callers and callees together. */
export function createLiveCalls({ callees, clock, inflate }: LiveCallsOptions): LiveCalls {
  // Bounded by the calls that are open.
  const waiting = new Set<(why: ContactError) => void>();
  /** Why nobody waits any more. */
  let farewell: ContactError | undefined;

  function begin(caller: Caller): LiveCall {
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
    /** Unpacks what the caller sends; undefined: that goes on as it comes. */
    let requests: Inflater | undefined;
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

    function run(callee: Callee): void {
      stopWaiting();
      const passage = passRequests(caller, callee.announced.acceptEncodings);
      if (passage.kind === 'refused') {
        end(refuseEncoding(passage.encoding, callee.announced.acceptEncodings));
        return;
      }
      const isInflated = requests !== undefined || passage.kind === 'inflate';
      const metadata = isInflated ? withoutEncoding(forward(caller)) : forward(caller);
      const leftMs = timeoutMs === 0 ? 0 : Math.max(1, Math.ceil(timeoutMs - (clock.monotonic() - startedAt)));
      const opened = callee.tunnel.open({ method, metadata, timeoutMs: leftMs });
      if (!opened) {
        fail(new ContactError('UNAVAILABLE', `${callee.clientId} is going`), NOT_STARTED);
        return;
      }
      call = opened;
      const answers = createAnswers({ caller, inflate, onEnd: end, onFailed: fail });
      letGo.push(callee.occupy(method), answers.close);
      opened.listen({
        headers: answers.headers,
        chunk: (chunk) => answers.chunk(chunk, () => opened.taken(chunk.cost)),
        ended: answers.end,
        failed: (error) => fail(error),
        lost: (isOpened) =>
          isOpened ? fail(new ContactError('UNAVAILABLE', `${callee.clientId} has gone`), MAYBE_STARTED) : dispatch(),
        // A callee does neither; its tunnel takes care of that.
        halfClosed: () => undefined,
        cancelled: () => undefined,
      });
      if (passage.kind === 'inflate' && !requests) unpack(passage.encoding);
      else {
        for (const piece of unsent ?? []) opened.send(watched(piece));
        if (isHalfClosed) opened.halfClose();
      }
      if (!isRead) caller.read();
      isRead = true;
    }

    /** Unpacks requests from now on, those too that were meant for a lost callee which takes them as they are. */
    function unpack(encoding: Encoding): void {
      const before = unsent ?? [];
      const wasHalfClosed = isHalfClosed;
      unsent = [];
      isHalfClosed = false;
      requests = inflate(encoding, {
        piece: send,
        ended: halfClose,
        failed: fail,
        hold: caller.hold,
        giveBack: caller.giveBack,
      });
      letGo.push(() => requests?.close());
      for (const piece of before) requests.add(piece);
      if (wasHalfClosed) requests.end();
    }

    function send(piece: Piece): void {
      unsent?.push(piece);
      call?.send(unsent ? watched(piece) : piece);
    }

    function halfClose(): void {
      isHalfClosed = true;
      call?.halfClose();
    }

    /** Notes when the piece is taken: the callee has the beginning of the call then, and no other one gets it. */
    function watched(piece: Piece): Piece {
      return {
        ...piece,
        onTaken() {
          unsent = undefined;
          piece.onTaken();
        },
      };
    }

    /** Gives the call to who serves it now, or has it wait as long as its caller has said, counted from its beginning. */
    function dispatch(): void {
      call = undefined;
      const wanted = readWanted(caller);
      const waitMs = readWait(caller.metadata) - (clock.monotonic() - startedAt);
      const why = tryNow(wanted);
      if (why && waitMs > 0 && !farewell) waitFor(wanted, waitMs);
      else if (why) giveUp(why, wanted);
    }

    /** undefined: the call has begun, or is over. */
    function tryNow(wanted: Wanted): Nobody | undefined {
      const found = callees.find(method, wanted);
      if (typeof found === 'string') return found;
      run(found);
      return undefined;
    }

    function giveUp(why: Nobody, wanted: Wanted): void {
      fail(farewell ?? explainNobody(why, method, wanted, callees.services), NOT_STARTED);
    }

    function failUnbegun(why: ContactError): void {
      fail(why, NOT_STARTED);
    }

    function waitFor(wanted: Wanted, waitMs: number): void {
      const leave = callees.wait(method, wanted, () => tryNow(wanted) === undefined);
      if (!leave) {
        const problem = `calls of this method wait with ${MAX_SELECTORS} other selectors, or those of its principal with half of them`;
        failUnbegun(new ContactError('RESOURCE_EXHAUSTED', problem, { field: SELECTOR_KEY }));
        return;
      }
      const cancel = clock.after(waitMs, () => {
        const why = tryNow(wanted);
        if (why) giveUp(why, wanted);
      });
      waiting.add(failUnbegun);
      stopWaiting = () => {
        waiting.delete(failUnbegun);
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
      checkCaller(caller);
      dispatch();
    } catch (error) {
      fail(error);
    }
    return {
      piece: (piece) => (requests ? requests.add(piece) : send(piece)),
      halfClosed: () => (requests ? requests.end() : halfClose()),
      gone() {
        call?.cancel();
        end(plainEnd(codeNumber('CANCELLED'), 'the caller has gone'));
      },
      fail: (error) => fail(error),
    };
  }

  return {
    begin,
    leave(why) {
      farewell = why;
      for (const fail of [...waiting]) fail(why);
    },
  };
}
