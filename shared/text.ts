import { Buffer } from 'node:buffer';

/** What stands in the place of what was cut. */
const MARK = '…';
const MARK_BYTES = Buffer.byteLength(MARK);

/**
 * A key or a name: whole characters and no NUL. Halves of characters become the same mark on the wire, so that two
 * keys would be one; and what shows text ends it at a NUL.
 */
export function isPlainText(text: string): boolean {
  return text.isWellFormed() && !text.includes('\0');
}

/** A text for people, mended where a name would be refused: nobody loses a result for a character in its error. */
export function mendText(text: string): string {
  return isPlainText(text) ? text : text.toWellFormed().replaceAll('\0', '\uFFFD');
}

/** A text of somebody else, in one line for a terminal: what is no visible character, and could fake other text, is a blank. */
export function lineOf(text: string): string {
  return text.replace(/[\p{Cc}\p{Cf}\p{Zl}\p{Zp}]/gu, ' ');
}

/**
 * The beginning of a text, mended, for storing. It is a copy: a slice of V8 holds on to the whole text, so that 64
 * characters would hold the megabytes that they came with.
 */
export function cutText(text: string, maxLength: number): string {
  if (text.length <= maxLength) return mendText(text);
  return mendText(Buffer.from(text.slice(0, maxLength)).toString());
}

/** The longest beginning of a text that takes at most `maxBytes` in UTF-8; one that is cut ends in `…`, within them. */
export function shortenText(text: string, maxBytes: number): string {
  // UTF-8 takes at most three bytes for one UTF-16 unit.
  if (text.length * 3 <= maxBytes || Buffer.byteLength(text) <= maxBytes) return text;
  const bytes = new Uint8Array(maxBytes - MARK_BYTES);
  const { written } = new TextEncoder().encodeInto(text, bytes);
  return `${Buffer.from(bytes.buffer, 0, written).toString()}${MARK}`;
}
