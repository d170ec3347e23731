import { createHash, randomBytes, randomInt } from 'node:crypto';

/** A credential as whoever has drawn it knows it; the server is told its id, and the hash of its secret. */
export interface Secret {
  /** 16 of [a-z0-9]; no secret. */
  readonly id: string;
  /** 32 random bytes in base64url: 43 characters. */
  readonly secret: string;
}

const ID_CHARACTERS = 'abcdefghijklmnopqrstuvwxyz0123456789';
const ID_LENGTH = 16;
const SECRET_BYTES = 32;

/** Draws a new credential. */
export function drawSecret(): Secret {
  const id = Array.from({ length: ID_LENGTH }, () => ID_CHARACTERS[randomInt(ID_CHARACTERS.length)]).join('');
  return { id, secret: randomBytes(SECRET_BYTES).toString('base64url') };
}

/** What the server is told of a secret: SHA-256 of its characters. */
export function hashSecret({ secret }: Secret): Uint8Array {
  return new Uint8Array(createHash('sha256').update(secret).digest());
}

/** The text that is sent: `ct_<id>_<secret>`. */
export function writeToken({ id, secret }: Secret): string {
  return `ct_${id}_${secret}`;
}
