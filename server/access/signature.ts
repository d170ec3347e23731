import type { JWTPayload, JWTVerifyGetKey, JWTVerifyOptions } from 'jose';
import * as errors from 'jose/errors';
import { jwtVerify } from 'jose/jwt/verify';

/** Keys that fit one token and are tried, each at the cost of a signature. */
const MAX_TRIED = 100;

/** The set of keys is at fault, or the way to it, and not the token that was to be checked. */
export class KeysError extends Error {
  constructor(cause: unknown) {
    super(cause instanceof Error ? cause.message : String(cause), { cause });
  }
}

/**
 * Checks the signature of a token and what it claims. Where several keys fit, as those of one name or of a token that names
 * none, each is tried.
 * @throws KeysError; an error of jose: it is the token's fault
 */
export async function verifyToken(text: string, keys: JWTVerifyGetKey, options: JWTVerifyOptions): Promise<JWTPayload> {
  const find: JWTVerifyGetKey = async (header, token) => {
    try {
      return await keys(header, token);
    } catch (error) {
      throw isOfToken(error) ? error : new KeysError(error);
    }
  };
  try {
    return (await jwtVerify(text, find, options)).payload;
  } catch (error) {
    if (error instanceof errors.JWKSMultipleMatchingKeys) return verifyByAny(text, error, options);
    // What jose does not name is of a key that was found and is not as one must be: it may be too short.
    throw error instanceof errors.JOSEError || error instanceof KeysError ? error : new KeysError(error);
  }
}

async function verifyByAny(
  text: string,
  candidates: errors.JWKSMultipleMatchingKeys,
  options: JWTVerifyOptions,
): Promise<JWTPayload> {
  let tried = 0;
  let fault: unknown;
  for await (const key of candidates) {
    if (++tried > MAX_TRIED) throw new KeysError(`more than ${MAX_TRIED} keys fit one token: give them names (kid)`);
    try {
      return (await jwtVerify(text, key, options)).payload;
    } catch (error) {
      if (error instanceof errors.JWSSignatureVerificationFailed) continue;
      // Its signature was good.
      if (error instanceof errors.JOSEError) throw error;
      fault ??= error;
    }
  }
  if (tried === 0) throw new KeysError('none of the keys that fit a token can be used');
  throw fault === undefined ? new errors.JWSSignatureVerificationFailed() : new KeysError(fault);
}

/** Whether none of the keys that there are has signed the token; one that is newer may have. */
export function isOfNoKey(error: unknown): boolean {
  return error instanceof errors.JWKSNoMatchingKey || error instanceof errors.JWSSignatureVerificationFailed;
}

/** Of what a set answers, these alone are about the token. */
function isOfToken(error: unknown): boolean {
  return error instanceof errors.JWKSNoMatchingKey || error instanceof errors.JWKSMultipleMatchingKeys;
}
