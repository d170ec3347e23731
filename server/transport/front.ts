import type { Buffer } from 'node:buffer';
import { constants, type IncomingHttpHeaders, type ServerHttp2Stream } from 'node:http2';
import { ChurnSet } from '../../shared/churn.ts';
import type { Clock } from '../../shared/clock.ts';
import { ContactError, tooLarge } from '../../shared/errors.ts';
import type { Logger } from '../../shared/logger.ts';
import { Deframer, type MessagePart } from '../../tunnel/deframe.ts';
import { readPairs } from '../../tunnel/headers.ts';
import { isCallable } from '../../tunnel/names.ts';
import { asFarAs, mayCall, type Caller as Principal } from '../model/caller.ts';
import { countCode, type EventCounts } from '../model/figures.ts';
import { SERVER_SHUTDOWN } from '../session/closing.ts';
import type { Callees } from '../tunnel/callees.ts';
import { type Caller, type LiveCall, NOT_STARTED, writeEnd } from '../tunnel/caller.ts';
import { type DurableCalls, isDurable } from '../tunnel/durable.ts';
import type { OpenInflater } from '../tunnel/inflate.ts';
import { createLiveCalls } from '../tunnel/live.ts';
import { explainUnknown } from '../tunnel/nobody.ts';
import { traceLive } from '../tunnel/tracing.ts';
import { createAnswer } from './answer.ts';
import { COME_AGAIN_MS } from './open_calls.ts';
import type { Unread } from './unread.ts';

/** Bytes of one call that were read and are not in its tunnel, above which it is read no further; and what each part costs. */
const MAX_WAITING_BYTES = 65_536;
const PART_BYTES = 64;
/** A chunk of an answer that its connection has not taken costs so much beside its bytes, of which it may have one. */
const CHUNK_BYTES = 1_024;
/** Between two looks whether all calls are over. */
const LOOK_MS = 20;

/** Of the request itself, which its callee hears in other ways or has no use for. */
const DROPPED: ReadonlySet<string> = new Set(['grpc-timeout', 'accept-encoding']);

/** Who says one of these means the service of a client, be it one that nobody has announced yet, and is told what is wrong with it. */
const ADDRESSING = ['contact-mode', 'contact-wait', 'contact-client', 'contact-selector'];

const ignore = (): void => undefined;

const OVER: LiveCall = {
  piece: () => undefined,
  halfClosed: () => undefined,
  gone: () => undefined,
  fail: () => undefined,
};

export interface FrontOptions {
  readonly callees: Callees;
  readonly durable: DurableCalls;
  readonly inflate: OpenInflater;
  readonly clock: Clock;
  readonly logger: Logger;
  readonly maxMessageBytes: number;
  /** That are open at a time. */
  readonly maxCalls: number;
  /** What all live calls hold and nobody has taken, both ways. */
  readonly unread: Unread;
  /** Counts how calls end. */
  readonly counts: Pick<EventCounts, 'endedLiveCalls' | 'endedDurableCalls'>;
}

/** Takes calls of methods that clients serve off HTTP/2 before grpc-js sees them: messages pass without being put together. */
export interface Front {
  /** Somebody serves the method at this path, or did, or the call waits or is kept until somebody does. */
  takes(headers: IncomingHttpHeaders, who: Principal): boolean;
  take(
    stream: ServerHttp2Stream,
    headers: IncomingHttpHeaders,
    rawHeaders: readonly string[],
    timeoutMs: number,
    who: Principal,
  ): void;
  /** Ends the open calls of those that have to go, each with the reason. */
  expel(reasonFor: (who: Principal) => ContactError | undefined): void;
  /** Why a call that is not taken is not, with what can be done; undefined: its path is one of the server's own, or of nobody. */
  explainUnknown(path: string): string | undefined;
  /** Takes no more calls; resolves when those that run are over, or when it is late. */
  leave(isLate: () => boolean): Promise<void>;
  readonly size: number;
}

export function createFront({
  callees,
  durable,
  inflate,
  clock,
  logger,
  maxMessageBytes,
  maxCalls,
  unread,
  counts,
}: FrontOptions): Front {
  const lives = traceLive(createLiveCalls({ callees, clock, inflate }));
  let size = 0;
  let isLeaving = false;
  // Bounded by `maxCalls`.
  const open = new ChurnSet<{ readonly who: Principal; readonly end: (error: ContactError) => void }>();

  function choose(caller: Caller): LiveCall {
    try {
      return isDurable(caller.metadata) ? durable.begin(caller) : lives.begin(caller);
    } catch (error) {
      caller.end(writeEnd(error));
      return OVER;
    }
  }

  function take(
    stream: ServerHttp2Stream,
    headers: IncomingHttpHeaders,
    rawHeaders: readonly string[],
    timeoutMs: number,
    who: Principal,
  ): void {
    // The caller may go at any moment; `close` tells of it.
    stream.on('error', ignore);
    const out = createAnswer(stream, headers['content-type']?.trim() ?? 'application/grpc', logger);
    const ended = headers['contact-mode'] === 'durable' ? counts.endedDurableCalls : counts.endedLiveCalls;
    if (isLeaving || size >= maxCalls) {
      const full = { field: 'calls', retryAfterMs: COME_AGAIN_MS };
      const refusal = writeEnd(
        isLeaving
          ? SERVER_SHUTDOWN
          : new ContactError('RESOURCE_EXHAUSTED', `${maxCalls} are open, more are not taken`, full),
        NOT_STARTED,
      );
      countCode(ended, refusal.code);
      out.end(refusal);
      stream.resume();
      return;
    }
    size += 1;
    let waitingBytes = 0;
    let live: LiveCall | undefined;
    let isCounted = true;
    /** What is read stays here until all of it has come. */
    let isKept = false;
    const deframer = new Deframer(maxMessageBytes);
    // Without getters: V8 gives each literal that has some a shape of its own.
    const reader = {
      heldBytes: 0,
      takenAt: clock.monotonic(),
      drop() {
        isCounted = false;
        live?.gone();
        stream.close(constants.NGHTTP2_ENHANCE_YOUR_CALM);
        stream.resume();
      },
    };
    unread.enter(reader);

    function hold(bytes: number): void {
      if (reader.heldBytes === 0) reader.takenAt = clock.monotonic();
      reader.heldBytes += bytes;
      if (isCounted) unread.add(bytes);
    }

    function giveBack(bytes: number): void {
      if (!isCounted) return;
      reader.heldBytes -= bytes;
      reader.takenAt = clock.monotonic();
      unread.giveBack(bytes);
    }

    function send(part: MessagePart): void {
      const cost = part.bytes.byteLength + PART_BYTES;
      waitingBytes += cost;
      hold(cost);
      if (waitingBytes >= MAX_WAITING_BYTES && !isKept) stream.pause();
      live?.piece({
        ...part,
        onTaken() {
          waitingBytes -= cost;
          giveBack(cost);
          if (waitingBytes < MAX_WAITING_BYTES / 2 && stream.isPaused()) stream.resume();
        },
      });
    }

    const caller: Caller = {
      method: String(headers[':path']).slice(1),
      metadata: readPairs(rawHeaders, DROPPED),
      timeoutMs,
      encoding: String(headers['grpc-encoding'] ?? 'identity'),
      peer: peerOf(stream),
      who,
      read(keeps = false) {
        isKept = keeps;
        stream.on('data', (data: Buffer) => {
          const fault = deframer.read(data, send);
          if (fault !== undefined) live?.fail(explainFault(fault, maxMessageBytes));
        });
        stream.on('end', () => {
          if (deframer.isInside)
            live?.fail(new ContactError('INTERNAL', 'the request ended before its message was whole'));
          else live?.halfClosed();
        });
      },
      headers: out.headers,
      hold,
      giveBack,
      chunk(chunk, onTaken) {
        const cost = chunk.cost + CHUNK_BYTES;
        hold(cost);
        out.chunk(chunk, () => {
          giveBack(cost);
          onTaken();
        });
      },
      end(end) {
        countCode(ended, end.code);
        out.end(end);
        // What it sends on is thrown away.
        stream.removeAllListeners('data');
        stream.resume();
      },
    };
    const entry = {
      who,
      end(error: ContactError) {
        caller.end(writeEnd(error));
        live?.gone();
        live = OVER;
      },
    };
    open.add(entry);
    stream.once('close', () => {
      open.delete(entry);
      live?.gone();
      if (isCounted) unread.leave(reader);
      isCounted = false;
      size -= 1;
      // Node's table of the streams of a session may keep this one until a full collection, and what it refers to.
      stream.removeAllListeners();
      stream.on('error', ignore);
    });
    live = choose(caller);
  }

  return {
    takes(headers, who) {
      const path = String(headers[':path']);
      if (!path.startsWith('/')) return false;
      const method = path.slice(1);
      // Who may not call it is told so, and not whether anybody has announced it; nor is who may call some clients alone.
      const { clients } = asFarAs(who, (part) => mayCall(part, method)).clients;
      const isLimited = !mayCall(who, method) || clients !== 'all';
      const isMeant = isLimited || ADDRESSING.some((key) => headers[key] !== undefined);
      return callees.knows(method) || (isMeant && isCallable(method));
    },
    take,
    explainUnknown: (path) => (isCallable(path.slice(1)) ? explainUnknown(path.slice(1), callees.services) : undefined),
    expel(reasonFor) {
      for (const { who, end } of [...open]) {
        const reason = reasonFor(who);
        if (reason) end(reason);
      }
    },
    async leave(isLate) {
      isLeaving = true;
      durable.leave(SERVER_SHUTDOWN);
      lives.leave(SERVER_SHUTDOWN);
      while (size > 0 && !isLate()) await new Promise<void>((resolve) => clock.after(LOOK_MS, resolve));
    },
    get size() {
      return size;
    },
  };
}

function explainFault(length: number, maxMessageBytes: number): ContactError {
  if (length < 0) return new ContactError('INTERNAL', 'a message has a flag that gRPC does not know');
  return tooLarge(`a message of ${length} bytes, at most ${maxMessageBytes} are taken`);
}

/** As `getPeer()` of a call of grpc-js names it. */
function peerOf(stream: ServerHttp2Stream): string {
  const { remoteAddress, remotePort } = stream.session?.socket ?? {};
  if (remoteAddress === undefined) return 'unknown';
  return remotePort === undefined ? remoteAddress : `${remoteAddress}:${remotePort}`;
}
