import { nowMs } from './clock.ts';

/** The bytes of a task, and the same as text for systems that carry JSON. */
export interface Payload {
  readonly bytes: Buffer;
  readonly text: string;
}

const STAMP = '@';
const STAMP_CODE = STAMP.charCodeAt(0);
const STAMP_LENGTH = 24;
/** First letter of a payload whose task is to fail the first time. */
const FAIL = '!';
const FAIL_CODE = FAIL.charCodeAt(0);

function payloadOf(text: string): Payload {
  return { bytes: Buffer.from(text, 'latin1'), text };
}

export function createPayload(bytes: number): Payload {
  return payloadOf('x'.repeat(bytes));
}

export function createFailingPayload(bytes: number): Payload {
  return payloadOf(FAIL.padEnd(bytes, 'x'));
}

/** A class, for a getter of a literal is a shape of its own, which V8 keeps until a full collection. */
class BinaryPayload implements Payload {
  readonly bytes: Buffer;

  constructor(bytes: Buffer) {
    this.bytes = bytes;
  }

  get text(): string {
    return this.bytes.toString('latin1');
  }
}

/** One that says when it was enqueued: now. */
export function createStampedPayload(size: number): Payload {
  // Small ones share their memory, as those from text do: one each would keep the collector busy.
  const bytes = Buffer.allocUnsafe(size).fill('x');
  bytes.write(`${STAMP}${nowMs()}`.padEnd(STAMP_LENGTH, ' '), 'latin1');
  return new BinaryPayload(bytes);
}

function firstCodeOf(payload: Uint8Array | string): number | undefined {
  return typeof payload === 'string' ? payload.charCodeAt(0) : payload[0];
}

/** When it was enqueued; undefined: it does not say. */
export function readStamp(payload: Uint8Array | string): number | undefined {
  if (firstCodeOf(payload) !== STAMP_CODE) return undefined;
  const text =
    typeof payload === 'string'
      ? payload.slice(1, STAMP_LENGTH)
      : Buffer.from(payload.buffer, payload.byteOffset + 1, STAMP_LENGTH - 1).toString('latin1');
  return Number(text);
}

export function isFailing(payload: Uint8Array | string): boolean {
  return firstCodeOf(payload) === FAIL_CODE;
}
