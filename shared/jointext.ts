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
 * Reads what `writeJoinText` wrote; blanks around it are left out, and fields that a later version added.
 * INVALID_ARGUMENT says what is wrong; nothing of the text is in it, as it is a secret.
 */
export function readJoinText(given: string): JoinText {
  const text = given.trim();
  if (!text.startsWith(PREFIX)) throw invalid('join', `expected a join text, which begins with ${PREFIX}`);
  if (text.length > MAX_JOIN_TEXT_LENGTH) {
    throw invalid('join', `a join text has at most ${MAX_JOIN_TEXT_LENGTH} characters, this has ${text.length}`);
  }
  const written = parse(text.slice(PREFIX.length));
  if (!written) throw invalid('join', 'the join text is cut off or changed');
  const join = { addresses: written.a, pin: written.p, id: written.i, secret: written.s };
  const problem = findProblem(join);
  if (problem) throw invalid('join', `the join text is cut off or changed: ${problem}`);
  const { addresses, pin, id, secret } = join as unknown as JoinText;
  return { addresses, pin, id, secret };
}

function parse(encoded: string): Record<string, unknown> | undefined {
  if (!/^[A-Za-z0-9_-]+$/.test(encoded)) return undefined;
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
