import { hasStoredCredentials, isSamePrincipal } from '../../../model/owner.ts';
import type { Database } from '../../file/database.ts';

/** Whose a client id is: `ClientStore.ownerOf` says by what. */
export interface Owners {
  /** A principal; empty: nobody's. */
  find(clientId: string, now: number): string;
  /** Whether it is that of a client that came in by a join, and whose credential lives. */
  isEnrolled(clientId: string, now: number): boolean;
  /** Whether this principal may come by it: it is no other's. */
  isFree(clientId: string, subject: string, now: number): boolean;
}

export function createOwners(db: Database): Owners {
  const living = 'revoked_at IS NULL AND (expires_at IS NULL OR expires_at > ?2) LIMIT 1';
  const selectOfClient = db.prepare<{ principal: string }>(
    `SELECT principal FROM credential WHERE client_id = ?1 AND ${living}`,
  );
  const selectLiving = db.prepare<{ principal: string }>(
    `SELECT principal FROM credential WHERE principal = ?1 AND ${living}`,
  );
  const selectRow = db.prepare<{ subject: string }>('SELECT subject FROM client WHERE client_id = ?');
  const selectSessions = db.prepare<{ subject: string }>(
    'SELECT subject FROM session WHERE client_id = ? ORDER BY key',
  );

  const isThere = (principal: string, now: number): boolean =>
    principal !== '' && (!hasStoredCredentials(principal) || selectLiving.get(principal, now) !== undefined);

  function find(clientId: string, now: number): string {
    const bound = selectOfClient.get(clientId, now)?.principal;
    if (bound !== undefined) return bound;
    const remembered = selectRow.get(clientId)?.subject ?? '';
    if (isThere(remembered, now)) return remembered;
    return selectSessions.all(clientId).find(({ subject }) => isThere(subject, now))?.subject ?? '';
  }

  return {
    find,
    isEnrolled: (clientId, now) => selectOfClient.get(clientId, now) !== undefined,
    // Nothing is asked of the file where nobody is asked who it is.
    isFree: (clientId, subject, now) => subject === '' || isSamePrincipal(find(clientId, now), subject),
  };
}
