import { randomBytes, randomFillSync } from 'node:crypto';
import { v7 } from 'uuid';
import { holdsCredential } from './redact.ts';

/** RFC 9562: version 7, variant 10; `x` is any hexadecimal digit, `v` one of the variant's. */
const UUID_V7 = 'xxxxxxxx-xxxx-7xxx-vxxx-xxxxxxxxxxxx';
/** Characters that may stand for those of the pattern, as bits; and the bit that each place of an id asks for. */
const CLASSES: readonly (readonly [string, string])[] = [
  ['x', '0123456789abcdef'],
  ['-', '-'],
  ['7', '7'],
  ['v', '89ab'],
];
const bitsOf = new Uint8Array(128);
for (const [bit, [, characters]] of CLASSES.entries()) {
  for (const character of characters) bitsOf[character.charCodeAt(0)]! |= 1 << bit;
}
const wanted = Uint8Array.from(UUID_V7, (place) => 1 << CLASSES.findIndex(([name]) => name === place));
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

/**
 * A new task id: UUIDv7 (RFC 9562), time-ordered, in canonical lower-case text. Later ones sort after earlier ones.
 * @example
 * const id = newTaskId();
 * await producer.enqueue('mails', { to: 'a@example.org' }, { id }); // again with the same id and content: stored once
 */
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

/** By a table: every task comes by here twice, and a regular expression takes two to four times as long. */
export function isTaskId(text: string): boolean {
  if (text.length !== wanted.length) return false;
  for (let at = 0; at < wanted.length; at++) {
    const code = text.charCodeAt(at);
    if (code >= bitsOf.length || (bitsOf[code]! & wanted[at]!) === 0) return false;
  }
  return true;
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

/** Queue names, client ids, label keys. The text of a credential is none. */
export function isName(text: string): boolean {
  if (text === lastName) return true;
  if (!NAME.test(text) || holdsCredential(text)) return false;
  lastName = text;
  return true;
}
