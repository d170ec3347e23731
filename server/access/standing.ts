import type { Clock } from '../../shared/clock.ts';
import type { ContactError } from '../../shared/errors.ts';
import type { Caller } from '../model/caller.ts';
import type { StoredCredential } from '../store/credentials.ts';
import type { Credentials } from './authenticate.ts';
import { EXPIRED, OVER, REVOKED, RUN_OUT } from './refusals.ts';

/** Ends that are due within this time are looked at together. */
const TOGETHER_MS = 250;
/** Between two looks at least, since the wall clock may be set. */
const LOOK_MS = 60_000;
/** Credentials and callers whose ends are noted one by one; while there are more, all that runs is looked at once a second. */
const MAX_NOTED = 100_000;
const FULL_LOOK_MS = 1_000;

/** Credentials with those that have the same holder. */
export interface Lineage extends Pick<Credentials, 'find'> {
  /** All of this principal that are known, the oldest first. */
  ofPrincipal(principal: string): readonly StoredCredential[];
}

/**
 * Whether callers that were let in still stand: a stream outlives the check at its beginning. What was let in with a
 * credential stands while that one, or one that its holder was given in its place, lives; what was let in with one that was
 * revoked does not, whatever else its holder has.
 */
export interface Standing {
  /** A caller was let in: when its time is over there is a look at all that runs. */
  note(caller: Caller): void;
  /** Credentials have changed: looks whether somebody has to go. */
  changed(ids: readonly string[]): void;
  /** Why what runs for a caller has to end; undefined: it stands. */
  endOf(caller: Caller): ContactError | undefined;
  close(): void;
}

export interface StandingOptions {
  readonly credentials: Lineage;
  readonly clock: Clock;
  /** Somebody may stand no more: asks `endOf` of whatever runs. */
  readonly onEnd: () => void;
}

export function createStanding({ credentials, clock, onEnd }: StandingOptions): Standing {
  /** By the id of a credential, or by who has none that is stored. */
  const endAtByHolder = new Map<string | Caller, number>();
  let isFull = false;
  let stop: (() => void) | undefined;
  let dueAt = Number.POSITIVE_INFINITY;

  /** Until when the holder stands, by the wall clock. */
  function standsUntil(holder: string | Caller): number {
    return typeof holder === 'string' ? livesUntil(holder) : holder.expiresAt;
  }

  /** 0: it was revoked, or is not known any more and nothing else of its holder lives. */
  function livesUntil(id: string, principal?: string): number {
    const credential = credentials.find(id);
    if (credential && (credential.revokedAt !== null || credential.kind === 'join')) return lifeOf(credential);
    const name = credential?.principal ?? principal;
    if (name === undefined) return 0;
    return credentials.ofPrincipal(name).reduce((latest, one) => Math.max(latest, lifeOf(one)), 0);
  }

  function endOf(caller: Caller): ContactError | undefined {
    // It runs nothing but the call that lets a client in, of which the store says what becomes after its end too.
    if (caller.kind === 'join') return undefined;
    const { credentialId, principal } = caller;
    const until = credentialId === undefined ? caller.expiresAt : livesUntil(credentialId, principal);
    if (until > clock.now()) return undefined;
    if (credentialId === undefined) return caller.kind === 'certificate' ? OVER : RUN_OUT;
    const credential = credentials.find(credentialId) ?? credentials.ofPrincipal(principal).at(-1);
    return credential && credential.revokedAt === null ? EXPIRED : REVOKED;
  }

  function look(): void {
    stop = undefined;
    dueAt = Number.POSITIVE_INFINITY;
    const now = clock.now();
    let hasEnded = false;
    for (const [holder, endAt] of endAtByHolder) {
      if (endAt <= now) {
        const until = standsUntil(holder);
        if (until === Number.POSITIVE_INFINITY || until <= now) endAtByHolder.delete(holder);
        else endAtByHolder.set(holder, until);
        hasEnded ||= until <= now;
      }
      expect(endAtByHolder.get(holder));
    }
    if (isFull) {
      hasEnded = true;
      isFull = endAtByHolder.size >= MAX_NOTED;
      if (isFull) expect(now + FULL_LOOK_MS);
    }
    if (hasEnded) onEnd();
  }

  function expect(endAt = Number.POSITIVE_INFINITY): void {
    if (endAt + TOGETHER_MS >= dueAt) return;
    dueAt = endAt + TOGETHER_MS;
    stop?.();
    stop = clock.after(Math.min(LOOK_MS, Math.max(0, dueAt - clock.now())), look);
  }

  function note(holder: string | Caller, endAt: number): void {
    if (endAt === Number.POSITIVE_INFINITY || (endAtByHolder.get(holder) ?? Number.POSITIVE_INFINITY) <= endAt) return;
    if (endAtByHolder.size >= MAX_NOTED && !endAtByHolder.has(holder)) {
      isFull = true;
      expect(clock.now() + FULL_LOOK_MS);
      return;
    }
    endAtByHolder.set(holder, endAt);
    expect(endAt);
  }

  return {
    note(caller) {
      if (caller.kind !== 'join') note(caller.credentialId ?? caller, caller.expiresAt);
    },
    changed(ids) {
      let isRevoked = false;
      for (const id of ids) {
        const credential = credentials.find(id);
        // One that was replaced ends before its time, whoever was let in with it.
        if (credential?.revokedAt === null) note(id, lifeOf(credential));
        else isRevoked = true;
      }
      if (isRevoked) onEnd();
    },
    endOf,
    close() {
      stop?.();
    },
  };
}

/** What was revoked has no life, also where the clock is set to before that. */
function lifeOf({ revokedAt, expiresAt }: StoredCredential): number {
  return revokedAt === null ? (expiresAt ?? Number.POSITIVE_INFINITY) : 0;
}
