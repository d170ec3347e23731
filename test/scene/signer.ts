import { exportJWK, generateKeyPair, type JWTPayload, SignJWT } from 'jose';

export const ISSUER = 'https://id.example.org';
export const AUDIENCE = 'contact';

/** Somebody who signs JWTs. */
export interface Signer {
  readonly jwk: object;
  sign(claims?: JWTPayload & { roles?: unknown }, options?: { seconds?: number }): Promise<string>;
}

/** @param kid the name of its key, which its tokens name; null: neither has one */
export async function createSigner(kid: string | null = 'one'): Promise<Signer> {
  const { publicKey, privateKey } = await generateKeyPair('ES256');
  const named = kid === null ? {} : { kid };
  return {
    jwk: { ...(await exportJWK(publicKey)), ...named, alg: 'ES256', use: 'sig' },
    sign(claims = {}, { seconds = 300 } = {}) {
      const all = { iss: ISSUER, aud: AUDIENCE, sub: 'ada', roles: ['web'], ...claims };
      const now = Math.floor(Date.now() / 1_000);
      return new SignJWT({ ...all, exp: now + seconds, iat: now })
        .setProtectedHeader({ alg: 'ES256', ...named })
        .sign(privateKey);
    },
  };
}
