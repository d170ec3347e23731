import { readAddress } from './address.ts';
import { invalid } from './errors.ts';

/** All that a client needs to come in for the first time. Whoever has it may: it is a secret. */
export interface JoinText {
  /** Where the server is to be reached, to be tried in this order: HOST:PORT or unix:PATH. */
  readonly addresses: readonly string[];
  /**
   * SHA-256 of the public key (SPKI) of the authority that the server's certificate is of, base64url, 43 characters; empty: a
   * well-known authority's, or there is no TLS.
   */
  readonly pin: string;
  /** The credential that lets clients in: 16 of [a-z0-9]. */
  readonly id: string;
  /** What proves it: 32 bytes, base64url, 43 characters. */
  readonly secret: string;
}

const PREFIX = 'cj_';
const MAX_JOIN_TEXT_LENGTH = 4_096;
export const MAX_JOIN_ADDRESSES = 8;
const IS_ENCODED = /^[A-Za-z0-9_-]+$/;
/** Quotes in which somebody may have it. */
const QUOTED = /^(?:"(.*)"|'(.*)'|`(.*)`|“(.*)”)$/s;
const NOT_ALONE = 'something stands before or behind the join text: give it alone';
const ID = /^[a-z0-9]{16}$/;
/** 32 bytes in base64url: the last of 43 characters has two bits that are always 0. */
const BYTES_32 = /^[A-Za-z0-9_-]{42}[AEIMQUYcgkosw048]$/;

/** Whether a text is a pin or a secret: 32 bytes in base64url. */
export function isBytes32(text: unknown): text is string {
  return typeof text === 'string' && BYTES_32.test(text);
}

/**
 * `cj_…`, one line without blanks. INVALID_ARGUMENT names the part that is wrong, and never shows it.
 * @example writeJoinText({ addresses: ['tasks.example.org:50051'], pin, id, secret })
 */
export function writeJoinText({ addresses, pin, id, secret }: JoinText): string {
  const problem = findProblem({ addresses, pin, id, secret });
  if (problem) throw invalid('join', `cannot be written: ${problem}`);
  const text = PREFIX + Buffer.from(JSON.stringify({ a: addresses, p: pin, i: id, s: secret })).toString('base64url');
  if (text.length > MAX_JOIN_TEXT_LENGTH) throw invalid('join', 'cannot be written: the addresses are too long');
  return text;
}

/**
 * Reads what `writeJoinText` wrote, as people paste it: with blanks or quotes around it, or broken into lines. Fields that a
 * later version added are left out. INVALID_ARGUMENT says what is wrong; nothing of the text is in it, as it is a secret.
 */
export function readJoinText(given: string): JoinText {
  const text = unwrap(given);
  if (!text.startsWith(PREFIX)) throw invalid('join', describeOther(text));
  if (text.length > MAX_JOIN_TEXT_LENGTH) {
    throw invalid('join', `a join text has at most ${MAX_JOIN_TEXT_LENGTH} characters, this has ${text.length}`);
  }
  if (!IS_ENCODED.test(text.slice(PREFIX.length)) && holdsWhole(given)) throw invalid('join', NOT_ALONE);
  const written = parse(text.slice(PREFIX.length));
  if (!written) throw invalid('join', 'the join text is cut off or changed');
  const join = partsOf(written);
  const problem = findProblem(join);
  if (problem) throw invalid('join', `the join text is cut off or changed: ${problem}`);
  const { addresses, pin, id, secret } = join as unknown as JoinText;
  return { addresses, pin, id, secret };
}

/** The text alone, of what was copied with it; line breaks are those of the screen that it was copied from. */
function unwrap(given: string): string {
  const text = given.trim();
  const [, ...inside] = QUOTED.exec(text) ?? [];
  return (inside.find((one) => one !== undefined) ?? text).trim().replace(/\s*[\r\n]+\s*/g, '');
}

/** What a text is that does not begin as a join text. */
function describeOther(text: string): string {
  if (text === '') return `it is empty: expected a join text, which begins with ${PREFIX}`;
  if (text.startsWith('ct_')) return 'this is a token, and no join text: `tokenFile` is for that';
  if (holdsWhole(text)) return NOT_ALONE;
  return `expected a join text, which begins with ${PREFIX}`;
}

/** Whether a join text stands in it that is whole. */
function holdsWhole(text: string): boolean {
  const [found = ''] = /cj_[A-Za-z0-9_-]{1,4096}/.exec(text) ?? [];
  const written = parse(found.slice(PREFIX.length));
  return written !== undefined && findProblem(partsOf(written)) === undefined;
}

function partsOf(written: Record<string, unknown>): Record<keyof JoinText, unknown> {
  return { addresses: written.a, pin: written.p, id: written.i, secret: written.s };
}

function parse(encoded: string): Record<string, unknown> | undefined {
  if (!IS_ENCODED.test(encoded)) return undefined;
  try {
    const value: unknown = JSON.parse(Buffer.from(encoded, 'base64url').toString());
    return typeof value === 'object' && value !== null ? (value as Record<string, unknown>) : undefined;
  } catch {
    return undefined;
  }
}

function findProblem({ addresses, pin, id, secret }: Record<keyof JoinText, unknown>): string | undefined {
  if (!Array.isArray(addresses) || addresses.length === 0 || addresses.length > MAX_JOIN_ADDRESSES) {
    return `expected 1 to ${MAX_JOIN_ADDRESSES} addresses`;
  }
  const isUsable = (address: unknown): boolean => {
    const read = typeof address === 'string' ? readAddress(address) : undefined;
    return read !== undefined && (read.kind === 'file' || (read.port > 0 && /^[^\s/\p{Cc}]+$/u.test(read.host)));
  };
  if (!addresses.every(isUsable)) return 'expected each address to be HOST:PORT or unix:PATH';
  if (pin !== '' && !isBytes32(pin)) return 'expected the pin to be empty or a SHA-256 in base64url';
  if (typeof id !== 'string' || !ID.test(id)) return 'expected the id to be 16 of [a-z0-9]';
  return isBytes32(secret) ? undefined : 'expected the secret to be 32 bytes in base64url';
}
