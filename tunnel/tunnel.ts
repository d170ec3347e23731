import type { Buffer } from 'node:buffer';
import { type CallCarrier, TunnelCall } from './call.ts';
import { encodeFrames, type SizedFrame, sizeFrame } from './encode.ts';
import { BATCH_BYTES, type Frame, type Open, type Pair } from './frame.ts';
import type { Role } from './life.ts';
import { Turns } from './turns.ts';

/** Bytes that were written and not taken yet, above which nothing more is: what is written can no longer be overtaken. */
const MAX_IN_FLIGHT_BYTES = 65_536;
/** Calls that broke the protocol, after which the whole tunnel is given up. */
const MAX_FAULTS = 3;
/** Numbers of calls are of 32 bits; a server that has used them up begins a new tunnel. */
const MAX_CALL = 2 ** 32 - 1;

export interface TunnelOptions {
  /** Which end this is. */
  readonly role: Role;
  /** The window of each call for what this end sends. */
  readonly sendWindowBytes: number;
  /** The window of each call for what the other end sends. */
  readonly receiveWindowBytes: number;
  readonly maxMessageBytes: number;
  /** Writes a message of the stream; `onTaken` is called once the connection has it, or never. */
  readonly write: (batch: Buffer, onTaken: () => void) => void;
  /** Runs it later in this turn of the event loop, once for all that is said until then. */
  readonly schedule: (run: () => void) => void;
  /** A call has come; give it its listener at once. At the callee's end. */
  readonly onOpen: (call: TunnelCall, open: Open) => void;
  /** The other end cannot be trusted to keep to the protocol. */
  readonly onBroken: () => void;
  readonly refuseMetadata: (pairs: readonly Pair[], isTrailers: boolean) => string | undefined;
}

/** One end of a Serve stream: many calls over one stream, none of which waits for the consumer of another. */
export interface Tunnel {
  readonly callCount: number;
  /** A new call; undefined: the tunnel is closed, or has no number left. At the server's end. */
  open(open: Open): TunnelCall | undefined;
  receive(frames: readonly Frame[]): void;
  /** The stream is gone, and every call with it. */
  close(): void;
}

export function createTunnel(options: TunnelOptions): Tunnel {
  const { role, write, schedule, onOpen, onBroken } = options;
  const { sendWindowBytes, receiveWindowBytes, maxMessageBytes, refuseMetadata } = options;
  // Bounded by `max_calls` of the callee: the server opens no more, and the callee refuses what is beyond.
  const calls = new Map<number, TunnelCall>();
  const turns = new Turns<TunnelCall>();
  let newest = 0;
  let inFlightBytes = 0;
  let faultCount = 0;
  let isScheduled = false;
  let isClosed = false;

  const carrier: CallCarrier = {
    role,
    sendWindowBytes,
    receiveWindowBytes,
    maxMessageBytes,
    refuseMetadata,
    wake(call) {
      turns.add(call);
      flushLater();
    },
    forget: (call) => void calls.delete(call.id),
    fault() {
      faultCount += 1;
      if (faultCount === MAX_FAULTS) onBroken();
    },
  };

  function flushLater(): void {
    if (isScheduled || isClosed || turns.isEmpty || inFlightBytes >= MAX_IN_FLIGHT_BYTES) return;
    isScheduled = true;
    schedule(flush);
  }

  function flush(): void {
    isScheduled = false;
    while (!isClosed && !turns.isEmpty && inFlightBytes < MAX_IN_FLIGHT_BYTES) {
      const batch = nextBatch();
      if (batch.length > 0) send(encodeFrames(batch));
    }
  }

  function nextBatch(): SizedFrame[] {
    const batch: SizedFrame[] = [];
    let size = 0;
    while (size < BATCH_BYTES) {
      const call = turns.next();
      if (!call) break;
      const next = call.nextFrame();
      if (!next) continue;
      const sized = sizeFrame(next.frame);
      batch.push(sized);
      size += sized.wholeSize;
      // It may say more at once, which then goes with its next turn.
      next.taken?.onTaken();
      if (call.hasNext) turns.add(call);
    }
    return batch;
  }

  function send(batch: Buffer): void {
    const { byteLength } = batch;
    inFlightBytes += byteLength;
    write(batch, () => {
      inFlightBytes -= byteLength;
      flushLater();
    });
  }

  function accept(id: number, open: Open): void {
    if (role === 'server' || id <= newest) {
      carrier.fault();
      return;
    }
    newest = id;
    const call = new TunnelCall(id, carrier);
    calls.set(id, call);
    onOpen(call, open);
  }

  return {
    get callCount() {
      return calls.size;
    },
    open(open) {
      if (isClosed || newest === MAX_CALL) return undefined;
      newest += 1;
      const call = new TunnelCall(newest, carrier, open);
      calls.set(call.id, call);
      carrier.wake(call);
      return call;
    },
    receive(frames) {
      for (const frame of frames) {
        if (isClosed) return;
        if (frame.open) accept(frame.call, frame.open);
        calls.get(frame.call)?.receive(frame);
      }
    },
    close() {
      if (isClosed) return;
      isClosed = true;
      // Nobody finds a call of a tunnel that is gone, whatever its listeners do now.
      const lost = [...calls.values()];
      calls.clear();
      for (const call of lost) call.lose();
    },
  };
}
