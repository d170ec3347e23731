import { CommandFailure } from '../exit.ts';

/** Bytes of a payload that say which task this is and when it was sent; the rest is filler. */
export const STAMP_BYTES = 16;

const RESULT_BYTES = STAMP_BYTES + 8;

/** What comes back with a result. Instants as `instantMs` gives them. */
export interface Stamp {
  /** Which task of the bench this is; from 0. */
  readonly place: number;
  readonly sentAt: number;
  readonly startedAt: number;
}

/** Milliseconds on the clock that every process of this machine shares and nobody sets. */
export function instantMs(): number {
  const [seconds, nanoseconds] = process.hrtime();
  return seconds * 1_000 + nanoseconds / 1e6;
}

/** @param bytes at least STAMP_BYTES */
export function stampPayload(place: number, sentAt: number, bytes: number): Uint8Array {
  const payload = Buffer.alloc(bytes);
  payload.writeDoubleLE(place, 0);
  payload.writeDoubleLE(sentAt, 8);
  return payload;
}

/** What a worker of the bench answers: the stamp of the payload, and when it got it. */
export function stampResult(payload: Uint8Array): Uint8Array {
  const result = Buffer.allocUnsafe(RESULT_BYTES);
  result.set(payload.subarray(0, STAMP_BYTES));
  result.writeDoubleLE(instantMs(), STAMP_BYTES);
  return result;
}

/** @throws CommandFailure when no worker of a bench wrote it */
export function readStamp(result: Uint8Array): Stamp {
  if (result.byteLength !== RESULT_BYTES) throw new CommandFailure('somebody else works in the queue of this bench');
  const bytes = Buffer.from(result.buffer, result.byteOffset, result.byteLength);
  return { place: bytes.readDoubleLE(0), sentAt: bytes.readDoubleLE(8), startedAt: bytes.readDoubleLE(STAMP_BYTES) };
}
