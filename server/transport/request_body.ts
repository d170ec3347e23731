import type { Clock } from '../../shared/clock.ts';
import { ContactError, tooLarge } from '../../shared/errors.ts';

/** Bytes that a body of which no length is told has room for at first. */
const FIRST_ROOM_BYTES = 4 << 10;
const LATE = new ContactError('DEADLINE_EXCEEDED', 'the request was not there in time');
const CUT = new ContactError('CANCELLED', 'the request ended before it was whole');

/** A request as its bytes come. */
export interface BodySource {
  readonly headers: { readonly 'content-length'?: string | undefined };
  on(event: 'data', listener: (piece: Buffer) => void): unknown;
  on(event: 'end' | 'close', listener: () => void): unknown;
  pause(): unknown;
}

export interface BodyOptions {
  readonly maxBytes: number;
  /** How long a body of so many bytes may take, from when it is read. */
  readonly patienceMs: (bytes: number) => number;
  readonly clock: Pick<Clock, 'after'>;
  /** Notes that so many bytes more are held, or fewer. False: there is no room for them. */
  readonly hold: (bytes: number) => boolean;
}

/**
 * Reads a request to its end into one piece of memory: one that comes a byte at a time costs no more than another.
 * RESOURCE_EXHAUSTED: it is too large, or all bodies together are. DEADLINE_EXCEEDED: it comes too slowly.
 */
export function readBody(source: BodySource, { maxBytes, patienceMs, clock, hold }: BodyOptions): Promise<Buffer> {
  const announced = source.headers['content-length'];
  const expected = announced === undefined ? undefined : Number(announced);
  if (expected !== undefined && expected > maxBytes) return Promise.reject(overLimit(expected, maxBytes));

  return new Promise((resolve, reject) => {
    let room = Buffer.alloc(0);
    let length = 0;
    const stop = clock.after(patienceMs(expected ?? maxBytes), () => fail(LATE));

    function fail(error: ContactError): void {
      stop();
      source.pause();
      reject(error);
    }

    function makeRoom(bytes: number): boolean {
      if (bytes <= room.length) return true;
      const wanted = Math.min(maxBytes, Math.max(bytes, expected ?? Math.max(FIRST_ROOM_BYTES, 2 * room.length)));
      if (!hold(wanted - room.length)) return false;
      const larger = Buffer.allocUnsafe(wanted);
      room.copy(larger, 0, 0, length);
      room = larger;
      return true;
    }

    source.on('data', (piece) => {
      const bytes = length + piece.length;
      if (bytes > maxBytes) fail(overLimit(bytes, maxBytes));
      else if (!makeRoom(bytes)) fail(full());
      else {
        piece.copy(room, length);
        length = bytes;
      }
    });
    source.on('end', () => {
      stop();
      resolve(room.subarray(0, length));
    });
    source.on('close', () => fail(CUT));
  });
}

function overLimit(bytes: number, maxBytes: number): ContactError {
  return tooLarge(`${bytes} bytes or more, at most ${maxBytes} are taken`, { field: 'request' });
}

function full(): ContactError {
  const detail = { field: 'request', retryAfterMs: 1_000 };
  return new ContactError('RESOURCE_EXHAUSTED', 'the server holds as many bytes of requests as it may', detail);
}
