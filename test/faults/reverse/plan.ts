import { Buffer } from 'node:buffer';
import { createHash } from 'node:crypto';

// A call of these tests, as its number in its caller draws it: the same number is the same call again.

export type Kind = 'unary' | 'down' | 'up' | 'chat' | 'durable';

export interface CallPlan {
  /** Unique over all callers. */
  readonly id: string;
  readonly kind: Kind;
  /** Of each message. */
  readonly bytes: number;
  /** Messages of a stream. */
  readonly count: number;
  readonly deadlineMs: number;
  /** The caller's stub keeps no time of its own: the server alone ends the call at its deadline. */
  readonly isServerTimed: boolean;
  /** For the handler, before it answers. */
  readonly sleepMs: number;
  /** When the caller cancels; undefined: it does not. */
  readonly cancelAfterMs: number | undefined;
  /** The handler fails the call. */
  readonly fails: boolean;
  /** It waits while its line is down. */
  readonly isPatient: boolean;
  /** How long it waits for somebody who serves; 0: not at all. */
  readonly waitMs: number;
  readonly target: 'anybody' | 'client' | 'selector';
  /** Which of the callees, for `client`. */
  readonly callee: number;
  /** Of a durable call: its caller waits for no answer. */
  readonly isDetached: boolean;
}

/** Metadata by which the handler knows the call, and what it is to do. */
export const CALL_KEY = 'x-call';
export const SLEEP_KEY = 'x-sleep-ms';
export const FAIL_KEY = 'x-fail';
/** The handler sends the id back so. */
export const INITIAL_KEY = 'x-initial';
export const TRAILING_KEY = 'x-trailing-bin';
/** What a handler says that was asked to fail. */
export const FAIL_CODE = 9;
export const FAIL_DETAILS = 'as it was told: 100 % ☺';

const MIB = 1 << 20;
/** Room for what a message has beside its body. */
const MOST_BYTES = MIB - 64;

/** What share of the calls has which size at most. */
const SIZES: readonly (readonly [number, number])[] = [
  [0.1, 0],
  [0.55, 100],
  [0.85, 4_096],
  [0.965, 65_536],
  [0.995, 262_144],
  [1, MOST_BYTES],
];

/** Numbers from 0 (included) to 1 (excluded) that `text` alone decides. */
function createDraw(text: string): () => number {
  const bytes = createHash('sha512').update(text).digest();
  let at = 0;
  return () => {
    const drawn = bytes.readUInt32LE(at) / 2 ** 32;
    at += 4;
    return drawn;
  };
}

function drawKind(drawn: number): Kind {
  if (drawn < 0.52) return 'unary';
  if (drawn < 0.65) return 'down';
  if (drawn < 0.78) return 'up';
  return drawn < 0.92 ? 'chat' : 'durable';
}

export function planCall(seed: number, caller: string, number: number, calleeCount: number): CallPlan {
  const id = `${caller}/${number}`;
  const draw = createDraw(`${seed} ${id}`);
  const kind = drawKind(draw());
  const size = draw();
  const most = SIZES.find(([share]) => size < share)![1];
  const bytes = Math.floor(draw() * (most + 1));
  // A stream of the largest messages is one of few.
  const count = Math.floor(draw() * (most > 65_536 ? 3 : 9));
  const isHasty = draw() < 0.08;
  const isSlow = isHasty || draw() < 0.12;
  const isCancelled = draw() < 0.1;
  const target = draw();
  const plan = {
    id,
    kind,
    bytes,
    count,
    deadlineMs: isHasty ? 20 + Math.floor(draw() * 200) : 2_000 + Math.floor(draw() * 2_000),
    sleepMs: isSlow ? Math.floor(draw() * (isHasty ? 400 : 150)) : 0,
    cancelAfterMs: isCancelled && kind !== 'durable' ? Math.floor(draw() * 60) : undefined,
    fails: kind !== 'durable' && draw() < 0.04,
    isPatient: draw() < 0.8,
    waitMs: draw() < 0.5 ? 1_000 : 0,
    target: target < 0.25 ? ('client' as const) : target < 0.35 ? ('selector' as const) : ('anybody' as const),
    callee: Math.floor(draw() * calleeCount),
    isDetached: draw() < 0.4,
  };
  return { ...plan, isServerTimed: plan.cancelAfterMs === undefined && draw() < 0.25 };
}

/** A body that no other call or message has, as far as it is long enough. */
export function bodyOf(id: string, at: number, bytes: number): Buffer {
  return bytes === 0 ? Buffer.alloc(0) : Buffer.alloc(bytes, `${id} ${at}|`);
}
