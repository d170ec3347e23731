import { randomBytes, randomFillSync } from 'node:crypto';
import { v7 } from 'uuid';

const UUID_V7 = /^[0-9a-f]{8}-[0-9a-f]{4}-7[0-9a-f]{3}-[89ab][0-9a-f]{3}-[0-9a-f]{12}$/;
const SESSION_ID = /^[0-9a-f]{32}$/;
const NAME = /^[A-Za-z0-9._:/-]{1,128}$/;

/** Random bytes are drawn so many at a time: a call for 16 costs more than the rest of an id. */
const POOL_BYTES = 16 * 1024;
const ID_BYTES = 16;
const pool = new Uint8Array(POOL_BYTES);
let poolAt = POOL_BYTES;
/** The last id's millisecond and its number within it: ids of one process grow, also when the clock goes back. */
let lastMs = Number.NEGATIVE_INFINITY;
let lastSeq = 0;

/** A new task id: UUIDv7 (RFC 9562), time-ordered, in canonical lower-case text. Later ones sort after earlier ones. */
export function newTaskId(): string {
  if (poolAt === POOL_BYTES) {
    randomFillSync(pool);
    poolAt = 0;
  }
  const random = pool.subarray(poolAt, poolAt + ID_BYTES);
  poolAt += ID_BYTES;
  const now = Date.now();
  if (now > lastMs) {
    lastMs = now;
    // 31 random bits of 32: so many ids fit into the millisecond before the number wraps.
    lastSeq = ((random[6]! & 0x7f) << 24) | (random[7]! << 16) | (random[8]! << 8) | random[9]!;
  } else {
    lastSeq = (lastSeq + 1) | 0;
    if (lastSeq === 0) lastMs += 1;
  }
  return v7({ random, msecs: lastMs, seq: lastSeq });
}

export function isTaskId(text: string): boolean {
  return text.length === 36 && UUID_V7.test(text);
}

/** 128 random bits as 32 lower-case hex digits. */
export function newSessionId(): string {
  return randomBytes(16).toString('hex');
}

export function isSessionId(text: string): boolean {
  return SESSION_ID.test(text);
}

/** What was a name the last time: the tasks of a batch mostly go to one queue. */
let lastName: string | undefined;

/** Queue names, client ids, label keys. */
export function isName(text: string): boolean {
  if (text === lastName) return true;
  if (!NAME.test(text)) return false;
  lastName = text;
  return true;
}
