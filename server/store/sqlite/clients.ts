import type { StoredClient } from '../clients.ts';
import type { SessionOpening } from '../sessions.ts';
import type { Database } from './context.ts';

/**
 * Named clients: at most 10,000, for 30 days, beside those that are drained or have a session, which always stay.
 * Beyond that those that came last are forgotten first: made-up names push out each other, not those known for long.
 */
export interface Clients {
  /** Remembers the client of a session; answers whether it is drained. */
  remember(opening: SessionOpening, now: number): boolean;
  see(clientId: string, now: number): void;
  drain(clientId: string, isDrained: boolean): boolean;
  isDrained(clientId: string): boolean;
  list(after: string, limit: number): readonly StoredClient[];
}

interface ClientRow {
  readonly client_id: string;
  readonly labels: string;
  readonly queues: string;
  readonly last_seen_at: number;
  readonly is_drained: number;
}

const MAX_CLIENTS = 10_000;
const KEPT_MS = 30 * 24 * 3_600_000;
const MAX_ROWS = 500;

/** Named sessions that are opened between two looks for clients to forget. */
const FORGET_EVERY = 1_000;

export function createClients(db: Database, maxClients = MAX_CLIENTS): Clients {
  const upsert = db.prepare<{ is_drained: number }>(
    `INSERT INTO client VALUES (?1, ?2, ?3, ?4, 0, ?4) ON CONFLICT (client_id) DO UPDATE
       SET labels = excluded.labels, queues = excluded.queues, last_seen_at = excluded.last_seen_at
     RETURNING is_drained`,
  );
  const updateSeen = db.prepare('UPDATE client SET last_seen_at = ? WHERE client_id = ?');
  const updateDrained = db.prepare('UPDATE client SET is_drained = ? WHERE client_id = ?');
  const selectDrained = db.prepare<{ is_drained: number }>('SELECT is_drained FROM client WHERE client_id = ?');
  const selectPage = db.prepare<ClientRow>('SELECT * FROM client WHERE client_id > ? ORDER BY client_id LIMIT ?');
  const deleteOld = db.prepare(
    `DELETE FROM client WHERE last_seen_at < ? AND is_drained = 0
       AND client_id NOT IN (SELECT client_id FROM session)`,
  );
  const deleteMany = db.prepare(
    `DELETE FROM client WHERE client_id IN
       (SELECT client_id FROM client WHERE is_drained = 0 AND client_id NOT IN (SELECT client_id FROM session)
        ORDER BY first_seen_at, client_id LIMIT -1 OFFSET ?)`,
  );
  let openings = 0;

  return {
    remember: ({ clientId, labels, queues }, now) => {
      const row = upsert.get(clientId, JSON.stringify(labels), JSON.stringify(queues), now)!;
      if (openings++ % FORGET_EVERY === 0) {
        deleteOld.run(now - KEPT_MS);
        deleteMany.run(maxClients);
      }
      return row.is_drained === 1;
    },
    see: (clientId, now) => {
      updateSeen.run(now, clientId);
    },
    isDrained: (clientId) => selectDrained.get(clientId)?.is_drained === 1,
    drain: (clientId, isDrained) => updateDrained.run(isDrained ? 1 : 0, clientId).changes === 1,
    list: (after, limit) =>
      selectPage.all(after, Math.min(limit, MAX_ROWS)).map((row) => ({
        clientId: row.client_id,
        labels: JSON.parse(row.labels) as Record<string, string>,
        queues: JSON.parse(row.queues) as string[],
        lastSeenAt: row.last_seen_at,
        isDrained: row.is_drained === 1,
      })),
  };
}
