import { randomBytes, randomInt } from 'node:crypto';
import { hashSecret } from './secret.ts';

/** `ct_<id>_<secret>`: 16 of [a-z0-9], 43 of base64url. */
const TOKEN = /^ct_([a-z0-9]{16})_([A-Za-z0-9_-]{43})$/;
const ID_LETTERS = 'abcdefghijklmnopqrstuvwxyz0123456789';
const ID_LENGTH = 16;
const SECRET_BYTES = 32;

/** A token as it is sent. */
export interface Token {
  readonly id: string;
  readonly secret: string;
}

/** The parts of a token; undefined: the text is none. */
export function readToken(text: string): Token | undefined {
  const [, id, secret] = TOKEN.exec(text) ?? [];
  return id === undefined || secret === undefined ? undefined : { id, secret };
}

/** A token that nobody has, with the hash that the store keeps of it. */
export function drawToken(): { readonly text: string; readonly id: string; readonly hash: string } {
  const id = Array.from({ length: ID_LENGTH }, () => ID_LETTERS[randomInt(ID_LETTERS.length)]).join('');
  const secret = randomBytes(SECRET_BYTES).toString('base64url');
  return { text: `ct_${id}_${secret}`, id, hash: hashSecret(secret) };
}
