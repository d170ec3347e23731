import type { Clock } from '../../shared/clock.ts';
import { ContactError, invalid, tooLarge } from '../../shared/errors.ts';
import { isName } from '../../shared/ids.ts';
import { toStatus } from '../../shared/status.ts';
import type { TunnelCall } from '../../tunnel/call.ts';
import type { Chunk } from '../../tunnel/chunks.ts';
import { type End, type Pair, plainEnd } from '../../tunnel/frame.ts';
import { refuseSize } from '../../tunnel/metadata.ts';
import type { Piece } from '../../tunnel/outgoing.ts';
import { parseSelector } from '../model/selector.ts';
import type { Callee, Callees, Nobody, Wanted } from './callees.ts';

/** A call that runs, or waits for a callee: what its caller says. */
export interface LiveCall {
  piece(piece: Piece): void;
  halfClosed(): void;
  /** It has cancelled, or its connection is gone. */
  gone(): void;
  /** It has said what it may not, or the server has to end it. */
  fail(error: ContactError): void;
}

/** The caller's end of a call, which is no business of the callee. */
export interface Caller {
  /** `pkg.Service/Method` */
  readonly method: string;
  readonly metadata: readonly Pair[];
  /** 0: none. */
  readonly timeoutMs: number;
  /** How its messages may be compressed; `identity`: they are not. */
  readonly encoding: string;
  readonly peer: string;
  /**
   * There is somebody who answers: it is read from now on. @param isKept what is read is put together, and held until it is
   * stored: then only the budget of all calls holds it back
   */
  read(isKept?: boolean): void;
  headers(pairs: readonly Pair[]): void;
  /** `onTaken`: its connection has it. */
  chunk(chunk: Chunk, onTaken: () => void): void;
  /** Its status, after which nothing more is asked of it. */
  end(end: End): void;
}

const STARTED_KEY = 'contact-started';
/** Of a call that nobody has begun to answer, and that may be made again. */
export const NOT_STARTED: readonly Pair[] = [{ key: STARTED_KEY, value: 'no' }];
const CALLER_KEY = 'contact-caller';
const WAIT_KEY = 'contact-wait';
const CLIENT_KEY = 'contact-client';
const SELECTOR_KEY = 'contact-selector';
const OURS = 'contact-';

const CANCELLED = 1;

const MAX_WAIT_MS = 60_000;
const WAIT = /^(\d{1,6})(ms|s)$/;

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

    function fail(error: unknown, isStarted?: 'no' | 'maybe'): void {
      if (isOver) return;
      call?.cancel();
      const extra = isStarted === undefined ? [] : [{ key: STARTED_KEY, value: isStarted }];
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
        fail(new ContactError('UNAVAILABLE', `${callee.clientId} is going`), 'no');
        return;
      }
      call = opened;
      letGo.push(callee.occupy());
      opened.listen({
        headers: (pairs) => caller.headers(pairs),
        chunk: (chunk) => caller.chunk(chunk, () => opened.taken(chunk.cost)),
        ended: end,
        lost: (isOpened) =>
          isOpened ? fail(new ContactError('UNAVAILABLE', `${callee.clientId} has gone`), 'maybe') : dispatch(),
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
      else if (why) fail(explain(why, method, wanted), 'no');
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
        if (why) fail(explain(why, method, wanted), 'no');
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

/** An end in the server's own words, with the mark that tells them from the callee's. */
export function writeEnd(error: unknown, extra: readonly Pair[] = []): End {
  const { code, details, metadata } = toStatus(error);
  const pairs = Object.entries(metadata.getMap()).map(([key, value]) => ({ key, value: value as string }));
  return plainEnd(code, details, [...pairs, ...extra]);
}

/** What the callee is told of the caller's metadata. */
function forward({ metadata, peer }: Caller): readonly Pair[] {
  return [...metadata.filter(({ key }) => !key.startsWith(OURS)), { key: CALLER_KEY, value: peer }];
}

export function textOf(metadata: readonly Pair[], key: string): string | undefined {
  const found = metadata.find((pair) => pair.key === key)?.value;
  return typeof found === 'string' && found !== '' ? found : undefined;
}

/** Whom the caller names. INVALID_ARGUMENT: no client can be called so, or it says both. */
export function readTarget(metadata: readonly Pair[]) {
  const clientId = textOf(metadata, CLIENT_KEY);
  const selector = textOf(metadata, SELECTOR_KEY);
  if (clientId !== undefined && !isName(clientId)) throw invalid(CLIENT_KEY, 'not the id of a client');
  if (clientId !== undefined && selector !== undefined) throw invalid(SELECTOR_KEY, `not beside ${CLIENT_KEY}`);
  return { clientId, selector };
}

function readWanted(metadata: readonly Pair[]): Wanted {
  const { clientId, selector } = readTarget(metadata);
  return { clientId, matches: selector === undefined ? undefined : parseSelector(selector, SELECTOR_KEY).matches };
}

function readWait(metadata: readonly Pair[]): number {
  const text = textOf(metadata, WAIT_KEY);
  if (text === undefined) return 0;
  const [, value, unit] = WAIT.exec(text) ?? [];
  if (value === undefined) throw invalid(WAIT_KEY, 'expected a time such as 10s or 500ms');
  return Math.min(MAX_WAIT_MS, Number(value) * (unit === 's' ? 1_000 : 1));
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
