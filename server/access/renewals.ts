import type { Clock } from '../../shared/clock.ts';
import type { Lineage } from './standing.ts';

/** The part of its lifetime after which a credential is to be replaced. */
const RENEW_SHARE = 2 / 3;
/** Who was told and has not renewed is told again after this part of what is left. */
const AGAIN_SHARE = 1 / 2;
/** Not more often than that. */
const LEAST_MS = 1_000;

/** Between two looks at the wall clock at least: it may be set, and timers stand still while a machine sleeps. */
const LOOK_MS = 60_000;

/** Tells sessions that the credential which they were opened with, or the one in its place, is to be replaced. */
export interface Renewals {
  /**
   * Watches a session that lives until `onEnd` of its owner; the answer ends it.
   * @param tell says it to the client, with the end of the credential that is in force
   */
  watch(credentialId: string, tell: (expiresAt: number) => void): () => void;
}

export function createRenewals(credentials: Lineage, clock: Clock): Renewals {
  return {
    watch(credentialId, tell) {
      const principal = credentials.find(credentialId)?.principal ?? '';
      let told: string | undefined;
      let againAt = 0;
      let stop = (): void => undefined;

      function look(): void {
        const newest = credentials.ofPrincipal(principal).findLast(({ revokedAt }) => revokedAt === null);
        // Tokens are replaced by their operators.
        if (newest?.kind !== 'client' || newest.expiresAt === null) return;
        // It ends with the maker of its join, and one in its place would too.
        if (newest.expiresAt === newest.endsBy) return;
        const now = clock.now();
        const leftMs = newest.expiresAt - now;
        if (leftMs <= 0) return;
        const dueAt = newest.createdAt + RENEW_SHARE * (newest.expiresAt - newest.createdAt);
        let nextAt = told === newest.id ? againAt : dueAt;
        if (nextAt <= now) {
          told = newest.id;
          againAt = now + Math.max(LEAST_MS, leftMs * AGAIN_SHARE);
          nextAt = againAt;
          tell(newest.expiresAt);
        }
        stop = clock.after(Math.min(LOOK_MS, nextAt - now), look);
      }

      look();
      return () => stop();
    },
  };
}
