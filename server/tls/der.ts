import { isIP } from 'node:net';

// As much of DER (X.690) as a certificate takes: every value is written whole, a tag, its length and its content.

const TAGS = {
  boolean: 0x01,
  integer: 0x02,
  bits: 0x03,
  octets: 0x04,
  oid: 0x06,
  utf8: 0x0c,
  utcTime: 0x17,
  time: 0x18,
  sequence: 0x30,
  set: 0x31,
} as const;
/** Bits of a tag that the reader knows by its place: `[number]`, of a plain value or of a constructed one. */
const CONTEXT = 0x80;
const CONSTRUCTED = 0xa0;
/** From this year on an instant is written with four digits of its year (RFC 5280, 4.1.2.5). */
const FIRST_LONG_YEAR = 2050;

function write(tag: number, ...parts: readonly Buffer[]): Buffer {
  const content = Buffer.concat(parts);
  return Buffer.concat([Buffer.from([tag]), writeLength(content.length), content]);
}

function writeLength(length: number): Buffer {
  if (length < 0x80) return Buffer.from([length]);
  const digits = Buffer.from(length.toString(16).padStart(2 * Math.ceil(length.toString(16).length / 2), '0'), 'hex');
  return Buffer.concat([Buffer.from([0x80 | digits.length]), digits]);
}

export const sequence = (...parts: readonly Buffer[]): Buffer => write(TAGS.sequence, ...parts);
export const set = (...parts: readonly Buffer[]): Buffer => write(TAGS.set, ...parts);
export const octets = (content: Buffer): Buffer => write(TAGS.octets, content);
export const boolean = (value: boolean): Buffer => write(TAGS.boolean, Buffer.from([value ? 0xff : 0]));
export const text = (value: string): Buffer => write(TAGS.utf8, Buffer.from(value));
/** A value that stands for itself, in the place `number`; its own tag is left out. */
export const implicit = (number: number, content: Buffer): Buffer => write(CONTEXT | number, content);
/** Values in the place `number`, with their own tags. */
export const explicit = (number: number, ...parts: readonly Buffer[]): Buffer => write(CONSTRUCTED | number, ...parts);

/** @param unusedBits of the last byte, at its lower end */
export function bits(content: Buffer, unusedBits = 0): Buffer {
  return write(TAGS.bits, Buffer.from([unusedBits]), content);
}

/** A whole number from 0, as the bytes of which the first is not 0. */
export function integer(value: number | Buffer): Buffer {
  const bytes = typeof value === 'number' ? Buffer.from([value]) : value;
  // With its highest bit set it would be negative.
  return write(TAGS.integer, ...(bytes[0]! >= 0x80 ? [Buffer.from([0])] : []), bytes);
}

/** @param dotted `1.2.840.…` */
export function oid(dotted: string): Buffer {
  const [first = 0, second = 0, ...rest] = dotted.split('.').map(Number);
  const content = [first * 40 + second, ...rest].flatMap((arc) => {
    const digits = [arc & 0x7f];
    for (let left = arc >>> 7; left > 0; left >>>= 7) digits.unshift((left & 0x7f) | 0x80);
    return digits;
  });
  return write(TAGS.oid, Buffer.from(content));
}

/** @param at milliseconds since 1970; what is less than a second is left out */
export function time(at: number): Buffer {
  const date = new Date(at);
  const digits = date.toISOString().replace(/[-:T]|\.\d+/g, '');
  if (date.getUTCFullYear() >= FIRST_LONG_YEAR) return write(TAGS.time, Buffer.from(digits));
  return write(TAGS.utcTime, Buffer.from(digits.slice(2)));
}

/** The bytes of an IP address: 4 or 16. */
export function addressBytes(address: string): Buffer {
  if (isIP(address) === 4) return Buffer.from(address.split('.').map(Number));
  // `::ffff:1.2.3.4` ends in four decimal numbers.
  const [, front = '', ...tail] = /^(.*:)(\d+)\.(\d+)\.(\d+)\.(\d+)$/.exec(address) ?? [undefined, address];
  const [a = 0, b = 0, c = 0, d = 0] = tail.map(Number);
  const plain = tail.length > 0 ? `${front}${((a << 8) | b).toString(16)}:${((c << 8) | d).toString(16)}` : front;
  const [left = '', right] = plain.split('::');
  const groups = (part: string): string[] => (part === '' ? [] : part.split(':'));
  const missing = 8 - groups(left).length - groups(right ?? '').length;
  const all = [...groups(left), ...Array<string>(right === undefined ? 0 : missing).fill('0'), ...groups(right ?? '')];
  return Buffer.from(all.map((group) => group.padStart(4, '0')).join(''), 'hex');
}
