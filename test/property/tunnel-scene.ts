import assert from 'node:assert/strict';
import { Buffer } from 'node:buffer';
import { Inbox } from '../../client/serve/inbox.ts';
import type { TunnelCall } from '../../tunnel/call.ts';
import { decodeServe } from '../../tunnel/decode.ts';
import { MIN_WINDOW_BYTES, type Open, plainEnd } from '../../tunnel/frame.ts';
import { createTunnel, type Tunnel } from '../../tunnel/tunnel.ts';

export const WINDOW = MIN_WINDOW_BYTES;
export const MAX_MESSAGE_BYTES = 4 * WINDOW;

/** One way of the stream: batches in order, each of them taken and delivered when the test says so. */
export class Pipe {
  readonly waiting: { readonly batch: Buffer; readonly onTaken: () => void }[] = [];
  readonly onTheWay: Buffer[] = [];

  /** The connection takes the oldest batch. */
  take(): boolean {
    const one = this.waiting.shift();
    if (!one) return false;
    this.onTheWay.push(one.batch);
    one.onTaken();
    return true;
  }
}

/** What was said on one side of a call and heard on the other, message by message; the plain model. */
export class Talk {
  readonly said: Buffer[] = [];
  readonly heard: Buffer[] = [];
  isFinished = false;

  /** Everything that was heard is what was said, in order. */
  check(): void {
    assert.ok(this.heard.length <= this.said.length, 'more was heard than said');
    for (const [at, bytes] of this.heard.entries()) assert.ok(bytes.equals(this.said[at]!), `message ${at} differs`);
  }
}

/** Both ends of one call. */
export interface Pair {
  readonly server: TunnelCall;
  callee: TunnelCall | undefined;
  inbox: Inbox | undefined;
  readonly up: Talk;
  readonly down: Talk;
  /** How often each end heard, or said, that the call is over. */
  serverEnds: number;
  calleeEnds: number;
  hasHalfClosed: boolean;
  hasEnded: boolean;
  hasHeaders: boolean;
  isAsking: boolean;
  /** Chunks that came down and that the server's consumer has not taken. */
  readonly untaken: number[];
}

export interface House {
  readonly server: Tunnel;
  readonly callee: Tunnel;
  readonly down: Pipe;
  readonly up: Pipe;
  readonly pairs: Pair[];
  readonly broken: string[];
  /** Runs what was put off to the end of the turn. */
  turn(): void;
  open(): Pair | undefined;
  /** Hands over the oldest batch on the way. */
  deliver(pipe: Pipe): boolean;
}

/** A message whose bytes tell its place. */
export function draw(size: number, seed: number): Buffer {
  const bytes = Buffer.allocUnsafe(size);
  for (let at = 0; at < size; at++) bytes[at] = (at * 31 + seed * 17 + (at >> 8)) & 0xff;
  return bytes;
}

/** Two ends of a tunnel, and a pipe between them that moves only when it is told to. */
export function createHouse(): House {
  const [down, up] = [new Pipe(), new Pipe()];
  const pairs: Pair[] = [];
  const broken: string[] = [];
  const later: (() => void)[] = [];
  const common = {
    sendWindowBytes: WINDOW,
    receiveWindowBytes: WINDOW,
    maxMessageBytes: MAX_MESSAGE_BYTES,
    schedule: (run: () => void) => void later.push(run),
    refuseMetadata: () => undefined,
  };
  const server = createTunnel({
    ...common,
    role: 'server',
    write: (batch, onTaken) => void down.waiting.push({ batch, onTaken }),
    onOpen: () => assert.fail('the server was opened a call'),
    onBroken: () => broken.push('callee'),
  });
  const callee = createTunnel({
    ...common,
    role: 'callee',
    write: (batch, onTaken) => void up.waiting.push({ batch, onTaken }),
    onOpen: answer,
    onBroken: () => broken.push('server'),
  });

  function answer(call: TunnelCall, { method }: Open): void {
    const pair = pairs[Number(method)]!;
    const inbox = new Inbox((cost) => call.taken(cost));
    pair.callee = call;
    pair.inbox = inbox;
    const over = (): void => {
      pair.calleeEnds += 1;
      inbox.fail(new Error('over'));
    };
    call.listen({
      headers: () => assert.fail('headers came up'),
      ended: () => assert.fail('the server ended a call'),
      failed: () => assert.fail('the server ended a call'),
      chunk: (chunk) => inbox.add(chunk),
      halfClosed: () => inbox.end(),
      cancelled: over,
      lost: over,
    });
  }

  function open(): Pair | undefined {
    const call = server.open({ method: String(pairs.length), metadata: [], timeoutMs: 0 });
    if (!call) return undefined;
    const parts: Buffer[] = [];
    const pair: Pair = {
      server: call,
      callee: undefined,
      inbox: undefined,
      up: new Talk(),
      down: new Talk(),
      serverEnds: 0,
      calleeEnds: 0,
      hasHalfClosed: false,
      hasEnded: false,
      hasHeaders: false,
      isAsking: false,
      untaken: [],
    };
    pairs.push(pair);
    call.listen({
      headers: () => undefined,
      halfClosed: () => assert.fail('the callee half-closed a call'),
      cancelled: () => assert.fail('the callee cancelled a call'),
      chunk({ bytes, isLast, cost }) {
        parts.push(Buffer.from(bytes));
        pair.untaken.push(cost);
        if (isLast) pair.down.heard.push(Buffer.concat(parts.splice(0)));
      },
      ended(end) {
        assert.deepEqual(end, plainEnd(0, ''));
        pair.serverEnds += 1;
        pair.down.isFinished = true;
      },
      failed: ({ message }) => assert.fail(message),
      lost: () => {
        pair.serverEnds += 1;
      },
    });
    return pair;
  }

  return {
    server,
    callee,
    down,
    up,
    pairs,
    broken,
    open,
    turn() {
      for (const run of later.splice(0)) run();
    },
    deliver(pipe) {
      const batch = pipe.onTheWay.shift();
      if (!batch) return false;
      (pipe === down ? callee : server).receive(decodeServe(batch).frames);
      return true;
    },
  };
}

/** Each count of a window is one that a window can have. */
export function checkWindows({ pairs }: House): void {
  for (const { server, callee } of pairs) {
    for (const call of [server, callee]) {
      if (!call) continue;
      const { send, receive } = call.windows;
      assert.ok(send >= 0 && send <= WINDOW, `may send ${send}`);
      assert.ok(receive >= 0 && receive <= WINDOW, `may be sent ${receive}`);
    }
  }
}
