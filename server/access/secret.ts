import { hash, timingSafeEqual } from 'node:crypto';

/** What the store knows of a secret: its SHA-256, as 64 hex digits. */
export function hashSecret(secret: string): string {
  return hash('sha256', secret, 'hex');
}

/** Stands where nothing is known, so that whoever guesses ids learns nothing by the time that it takes. */
const NOBODYS = '0'.repeat(64);

/** Whether a secret is the one whose hash this is; undefined: nobody's. */
export function isSecretOf(secret: string, stored: string | undefined): boolean {
  const given = Buffer.from(hashSecret(secret), 'latin1');
  const known = Buffer.from(stored ?? NOBODYS, 'latin1');
  return given.byteLength === known.byteLength && timingSafeEqual(given, known) && stored !== undefined;
}
