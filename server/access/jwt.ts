import { hash } from 'node:crypto';
import type { JWTPayload } from 'jose';
import * as errors from 'jose/errors';
import { ChurnMap } from '../../shared/churn.ts';
import type { Clock } from '../../shared/clock.ts';
import type { Logger } from '../../shared/logger.ts';
import type { ReadForeignToken } from './authenticate.ts';
import { type Callers, createCallers } from './callers.ts';
import { type Grants, grantedTo } from './grants.ts';
import { openKeys } from './jwks.ts';
import { EXPIRED, LoggedRefusal, UNAUTHENTICATED, UNCHECKED, UNKNOWN_KEY } from './refusals.ts';

/** Tokens that were checked and are remembered until they expire; then the oldest go. */
const MAX_REMEMBERED = 10_000;
/** After this a token that is remembered is checked again: its key may have been taken out of the set. */
const RECHECK_MS = 60_000;
/** Tokens that are checked at a time, each of which may wait for keys to be fetched. */
const MAX_CHECKS = 200;
/** Between two lines of the log about keys that cannot be had. */
const LOG_MS = 60_000;
/** By which the clock of who signs may be ahead, as `nbf` goes. */
const TOLERANCE_SECONDS = 5;
/** For the log alone: whoever is told more than others would know that the key was right. */
const TOO_EARLY = new LoggedRefusal(UNAUTHENTICATED, { reason: 'time' });
/** The end of the year 9999, the last that an instant of the protocol can be of. */
const LAST_SECONDS = 253_402_300_799;
/** None whose key both sides have. */
const ALGORITHMS = [
  'RS256',
  'RS384',
  'RS512',
  'PS256',
  'PS384',
  'PS512',
  'ES256',
  'ES384',
  'ES512',
  'EdDSA',
  'Ed25519',
];

export interface JwtOptions {
  /** A path or a URL of a JSON Web Key Set. */
  readonly jwks: string;
  readonly issuer: string;
  readonly audience: string;
  /** Whose text names the principal. */
  readonly principalClaim: string;
  /** Whose texts `grants` is asked for; `a.b` is the claim `b` within `a`. */
  readonly rolesClaim: string;
  readonly grants: Grants;
  readonly clock: Clock;
  readonly logger: Logger;
}

interface Remembered {
  readonly callers: Callers;
  readonly expiresAt: number;
  /** By the monotonic clock. */
  readonly checkedAt: number;
}

/** Takes tokens that somebody else has signed, by their keys. */
export function createJwtReader(options: JwtOptions): ReadForeignToken {
  const { issuer, audience, principalClaim, rolesClaim, grants, clock, logger } = options;
  const keys = openKeys(options.jwks, clock.monotonic, warn, ({ what, advice }) =>
    logger.warn({ what, advice }, 'the file of the keys of tokens is to be mended'),
  );
  // By hash, so that nothing in memory can be used by who sees it.
  const rememberedByHash = new ChurnMap<string, Remembered>();
  const checks = new ChurnMap<string, Promise<Callers>>();
  let loggedAt = Number.NEGATIVE_INFINITY;

  function remember(key: string, one: Remembered): void {
    if (rememberedByHash.size >= MAX_REMEMBERED) {
      const [oldest] = rememberedByHash;
      if (oldest) rememberedByHash.delete(oldest[0]);
    }
    rememberedByHash.set(key, one);
  }

  async function check(key: string, text: string): Promise<Callers> {
    const payload = await verify(text);
    const names = readTexts(payload, rolesClaim);
    const principal = readClaim(payload, principalClaim);
    if (typeof principal !== 'string' || !/^[\x21-\x7e]{1,200}$/.test(principal)) {
      throw because(`its claim \`${principalClaim}\` is no name: 1 to 200 printable ASCII characters without blanks`);
    }
    if (payload.exp! > LAST_SECONDS)
      throw because('its claim `exp` is after the year 9999: it has seconds, not milliseconds');
    const rights = grantedTo(names, grants, principal);
    if (rights.length === 0) throw because(`no grant is for what its claim \`${rolesClaim}\` says`);
    const expiresAt = 1_000 * payload.exp!;
    const callers = createCallers({ principal: `jwt:${principal}`, kind: 'jwt', rights, expiresAt });
    remember(key, { callers, expiresAt, checkedAt: clock.monotonic() });
    return callers;
  }

  async function verify(text: string): Promise<JWTPayload> {
    try {
      const payload = await keys.verify(text, {
        issuer,
        audience,
        algorithms: ALGORITHMS,
        requiredClaims: ['exp'],
        clockTolerance: TOLERANCE_SECONDS,
        currentDate: new Date(clock.now()),
      });
      if (1_000 * payload.exp! <= clock.now()) throw EXPIRED;
      return payload;
    } catch (error) {
      throw error === EXPIRED ? error : explain(error);
    }
  }

  /** What was checked counts on while its keys cannot be had; what its keys do not sign any more is forgotten. */
  async function checkAgain(key: string, text: string, known: Remembered): Promise<Callers> {
    try {
      await verify(text);
    } catch (error) {
      if (error !== UNCHECKED) {
        rememberedByHash.delete(key);
        // The key was there when the token was checked, and the set is younger than that.
        throw error === UNKNOWN_KEY ? UNAUTHENTICATED : error;
      }
    }
    if (rememberedByHash.has(key)) rememberedByHash.set(key, { ...known, checkedAt: clock.monotonic() });
    return known.callers;
  }

  function warn(error: unknown): void {
    if (clock.monotonic() - loggedAt < LOG_MS) return;
    loggedAt = clock.monotonic();
    logger.warn({ err: error, jwks: options.jwks }, 'the keys of tokens cannot be had');
  }

  function explain(error: unknown): unknown {
    // Its signature was good, or its time would not have been looked at.
    if (error instanceof errors.JWTExpired) return EXPIRED;
    if (error instanceof errors.JWTClaimValidationFailed && error.claim === 'nbf') return TOO_EARLY;
    if (error === UNKNOWN_KEY) return error;
    if (error instanceof errors.JWTClaimValidationFailed)
      return because(`its claim \`${error.claim}\` is not as it must be`);
    if (error instanceof errors.JOSEError) return UNAUTHENTICATED;
    warn(error);
    return UNCHECKED;
  }

  return (text) => {
    if (!/^[\w-]+\.[\w-]+\.[\w-]+$/.test(text)) throw UNAUTHENTICATED;
    const key = hash('sha256', text, 'base64url');
    const known = rememberedByHash.get(key);
    const isLive = known !== undefined && known.expiresAt > clock.now();
    if (isLive && clock.monotonic() - known.checkedAt < RECHECK_MS) return known.callers;
    if (known && !isLive) {
      rememberedByHash.delete(key);
      throw EXPIRED;
    }
    const running = checks.get(key);
    if (running) return running;
    if (checks.size >= MAX_CHECKS) {
      if (isLive) return known.callers;
      throw UNCHECKED;
    }
    const started = (isLive ? checkAgain(key, text, known) : check(key, text)).finally(() => checks.delete(key));
    checks.set(key, started);
    return started;
  };
}

/** Of a token whose signature is good: its caller is told what all are, the operator's log what is missing. */
function because(reason: string): LoggedRefusal {
  return new LoggedRefusal(UNAUTHENTICATED, { reason });
}

function readClaim(payload: JWTPayload, claim: string): unknown {
  const parts = Object.hasOwn(payload, claim) ? [claim] : claim.split('.');
  let value: unknown = payload;
  for (const part of parts) {
    value = typeof value === 'object' && value !== null && Object.hasOwn(value, part) ? Reflect.get(value, part) : null;
  }
  return value;
}

/** The texts of a claim: one, or a list of them, or several with blanks between them, as in `scope`. */
function readTexts(payload: JWTPayload, claim: string): readonly string[] {
  const value = readClaim(payload, claim);
  if (typeof value === 'string') return value.split(' ').filter((text) => text !== '');
  return Array.isArray(value) ? value.filter((text) => typeof text === 'string') : [];
}
