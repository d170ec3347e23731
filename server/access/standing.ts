import type { Clock } from '../../shared/clock.ts';
import type { ContactError } from '../../shared/errors.ts';
import type { Caller } from '../model/caller.ts';
import type { StoredCredential } from '../store/credentials.ts';
import type { Credentials } from './authenticate.ts';
import { EXPIRED, REVOKED, RUN_OUT } from './refusals.ts';

/** Ends that are due within this time are looked at together. */
const TOGETHER_MS = 250;
/** Between two looks at least, since the wall clock may be set. */
const LOOK_MS = 60_000;
/** Callers whose ends are noted one by one; while there are more, all that runs is looked at once a second. */
const MAX_NOTED = 100_000;
const FULL_LOOK_MS = 1_000;

/** Credentials with those that were stored in their place. */
export interface Lineage extends Pick<Credentials, 'find'> {
  /** Those that were stored in the place of this one. */
  successorsOf(id: string): readonly StoredCredential[];
}

/**
 * Whether callers that were let in still stand: a stream outlives the check at its beginning. What was let in with a
 * credential stands while that one lives or one that was stored in its place.
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
  const endAtByCaller = new Map<Caller, number>();
  let isFull = false;
  let stop: (() => void) | undefined;
  let dueAt = Number.POSITIVE_INFINITY;

  /** Until when it stands, by the wall clock, if nothing is revoked. */
  function standsUntil({ credentialId, expiresAt }: Caller): number {
    return credentialId === undefined ? expiresAt : livesUntil(credentialId);
  }

  /** The latest end of a credential and of all that were stored in its place; 0: none of them lives. */
  function livesUntil(id: string): number {
    let latest = 0;
    const ids = [id];
    // A credential is stored before its successors, so there is no circle.
    for (const one of ids) {
      const credential = credentials.find(one);
      if (!credential) continue;
      if (credential.revokedAt === null) latest = Math.max(latest, credential.expiresAt ?? Number.POSITIVE_INFINITY);
      for (const { id: next } of credentials.successorsOf(one)) ids.push(next);
    }
    return latest;
  }

  function endOf(caller: Caller): ContactError | undefined {
    if (standsUntil(caller) > clock.now()) return undefined;
    if (caller.credentialId === undefined) return caller.kind === 'jwt' ? RUN_OUT : EXPIRED;
    const credential = credentials.find(caller.credentialId);
    return credential && credential.revokedAt === null ? EXPIRED : REVOKED;
  }

  function look(): void {
    stop = undefined;
    dueAt = Number.POSITIVE_INFINITY;
    const now = clock.now();
    let hasEnded = false;
    for (const [caller, endAt] of endAtByCaller) {
      if (endAt <= now) {
        const until = standsUntil(caller);
        if (until === Number.POSITIVE_INFINITY || until <= now) endAtByCaller.delete(caller);
        else endAtByCaller.set(caller, until);
        hasEnded ||= until <= now;
      }
      expect(endAtByCaller.get(caller));
    }
    if (isFull) {
      hasEnded = true;
      isFull = endAtByCaller.size >= MAX_NOTED;
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

  return {
    note(caller) {
      if (caller.expiresAt === Number.POSITIVE_INFINITY || endAtByCaller.has(caller)) return;
      if (endAtByCaller.size >= MAX_NOTED) {
        isFull = true;
        expect(clock.now() + FULL_LOOK_MS);
        return;
      }
      endAtByCaller.set(caller, caller.expiresAt);
      expect(caller.expiresAt);
    },
    changed(ids) {
      if (ids.some((id) => credentials.find(id)?.revokedAt !== null)) onEnd();
    },
    endOf,
    close() {
      stop?.();
    },
  };
}
