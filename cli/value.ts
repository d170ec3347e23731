import { isUtf8 } from 'node:buffer';
import { escapeLine, shorten } from './escape.ts';

/** Bytes for people: one line of at most `max` characters. */
export function describeValue(bytes: Uint8Array, max: number): string {
  const head = Buffer.from(bytes.buffer, bytes.byteOffset, Math.min(bytes.byteLength, max * 4));
  const isText = isUtf8(bytes);
  return isText ? shorten(escapeLine(head.toString('utf8')), max) : `(${bytes.byteLength} bytes)`;
}
