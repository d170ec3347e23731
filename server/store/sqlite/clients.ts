import { takenByAnother } from '../../model/owner.ts';
import type { ForgetOutcome, ServingClient, ServingMethods, StoredClient } from '../clients.ts';
import type { SessionOpening } from '../sessions.ts';
import type { Database, Owners } from './context.ts';

/**
 * Named clients: at most 10,000, for 30 days, beside those that are drained, have a session or serve, which always stay.
 * Beyond that those that came last are forgotten first: made-up names push out each other, not those known for long. Of one
 * principal there are 5,000, for its own made-up names to push out each other before those of others; a client counts for the
 * one whose it is. So is what those have served that are away, beyond 16 MiB, and 8 MiB of one principal.
 */
export interface Clients {
  /** Remembers the client of a session as the opening's principal's, if that is known; answers whether it is drained. */
  remember(opening: SessionOpening, now: number): boolean;
  /** Remembers a client by what it serves. */
  rememberServing(client: ServingClient, now: number): void;
  leaveServing(client: Pick<ServingClient, 'clientId' | 'subject'>, now: number): void;
  /** A session of it was there until now: if it is not that of another principal. */
  see(client: Pick<ServingClient, 'clientId' | 'subject'>, now: number): void;
  /** @param endLost ends the sessions that it has lost; false: it holds something by one of them, and they stay */
  forget(clientId: string, now: number, endLost: () => boolean): ForgetOutcome;
  drain(clientId: string, isDrained: boolean): boolean;
  isDrained(clientId: string): boolean;
  list(after: string, limit: number): readonly StoredClient[];
  listServing(after: string, limit: number): readonly ServingMethods[];
  find(clientId: string): StoredClient | null;
}

interface ClientRow {
  readonly client_id: string;
  readonly labels: string;
  readonly queues: string;
  readonly last_seen_at: number;
  readonly is_drained: number;
  readonly subject: string;
}

const CLIENT = 'SELECT client_id, labels, queues, last_seen_at, is_drained, subject FROM client';
const MAX_CLIENTS = 10_000;
/** Of one principal, where it is known. */
const MAX_CLIENTS_OF_ONE = 5_000;
/** Of the methods of those that serve no more. */
const MAX_METHODS_BYTES = 16 << 20;
/** Of those bytes, the part that is of the clients of one principal. */
const METHODS_SHARE = 1 / 2;
const KEPT_MS = 30 * 24 * 3_600_000;
/** `served_until` of a client that serves; else it is 0, or when a server was there again that ended while the client served. */
const STILL = Number.MAX_SAFE_INTEGER;
/** Those that served when a server ended stay for so long after it is there again: they may be on their way back. */
const COME_BACK_MS = 3_600_000;
const MAX_ROWS = 500;
/** Of clients with their methods, which may be 1,000 each. */
const MAX_SERVING_ROWS = 50;

/** Times that a client is remembered between two looks for clients to forget. */
const FORGET_EVERY = 1_000;

export interface ClientBounds {
  readonly maxNamedClients?: number;
  readonly maxNamedClientsPerPrincipal?: number;
}

/** The principal stays where nobody asks: the client goes on as whose it was. */
const SUBJECT = "subject = CASE WHEN excluded.subject = '' THEN subject ELSE excluded.subject END";
/** It is nobody's other than that of `?2`, as `model/owner.ts` has it. */
const IS_ITS = "(subject = ?2 OR subject = '' OR ?2 = '')";

export function createClients(
  db: Database,
  owners: Owners,
  { maxNamedClients = MAX_CLIENTS, maxNamedClientsPerPrincipal = MAX_CLIENTS_OF_ONE }: ClientBounds = {},
  maxMethodsBytes = MAX_METHODS_BYTES,
): Clients {
  const upsert = db.prepare<{ is_drained: number }>(
    `INSERT INTO client VALUES (?1, ?2, ?3, ?4, 0, ?4, '[]', 0, ?5) ON CONFLICT (client_id) DO UPDATE
       SET labels = excluded.labels, queues = excluded.queues, last_seen_at = excluded.last_seen_at,
         ${SUBJECT}
     RETURNING is_drained`,
  );
  const upsertServing = db.prepare(
    `INSERT INTO client VALUES (?1, ?2, '[]', ?4, 0, ?4, ?3, ${STILL}, ?5) ON CONFLICT (client_id) DO UPDATE
       SET labels = excluded.labels, methods = excluded.methods, last_seen_at = excluded.last_seen_at,
         served_until = ${STILL}, ${SUBJECT}`,
  );
  const updateLeft = db.prepare(
    `UPDATE client SET last_seen_at = ?3, served_until = 0 WHERE client_id = ?1 AND methods <> '[]' AND ${IS_ITS}`,
  );
  const updateLeftBehind = db.prepare(`UPDATE client SET served_until = ? WHERE served_until = ${STILL}`);
  const updateSeen = db.prepare(`UPDATE client SET last_seen_at = ?3 WHERE client_id = ?1 AND ${IS_ITS}`);
  const updateDrained = db.prepare('UPDATE client SET is_drained = ? WHERE client_id = ?');
  const selectDrained = db.prepare<{ is_drained: number }>('SELECT is_drained FROM client WHERE client_id = ?');
  const selectPage = db.prepare<ClientRow>(`${CLIENT} WHERE client_id > ? ORDER BY client_id LIMIT ?`);
  const selectOne = db.prepare<ClientRow>(`${CLIENT} WHERE client_id = ?`);
  const selectServing = db.prepare<{ client_id: string; methods: string; subject: string }>(
    "SELECT client_id, methods, subject FROM client WHERE client_id > ? AND methods <> '[]' ORDER BY client_id LIMIT ?",
  );
  const deleteOld = db.prepare(
    `DELETE FROM client WHERE last_seen_at < ?1 AND served_until < ?1 AND is_drained = 0
       AND client_id NOT IN (SELECT client_id FROM session)`,
  );
  const deleteOne = db.prepare('DELETE FROM client WHERE client_id = ?');
  const selectServes = db.prepare(`SELECT 1 FROM client WHERE client_id = ? AND served_until = ${STILL}`);
  // One that is not lost comes first.
  const selectSession = db.prepare<{ lost_at: number | null }>(
    'SELECT lost_at FROM session WHERE client_id = ? ORDER BY lost_at IS NOT NULL LIMIT 1',
  );
  const deleteMany = db.prepare(
    `DELETE FROM client WHERE client_id IN
       (SELECT client_id FROM client
        WHERE is_drained = 0 AND served_until < ? AND client_id NOT IN (SELECT client_id FROM session)
        ORDER BY first_seen_at, client_id LIMIT -1 OFFSET ?)`,
  );
  const deleteTheirs = db.prepare(
    `DELETE FROM client WHERE client_id IN
       (SELECT client_id FROM
         (SELECT client_id, row_number() OVER (PARTITION BY subject ORDER BY first_seen_at, client_id) AS place FROM client
          WHERE subject <> '' AND is_drained = 0 AND served_until < ? AND client_id NOT IN (SELECT client_id FROM session))
        WHERE place > ?)`,
  );
  const updateMany = db.prepare(
    `UPDATE client SET methods = '[]' WHERE client_id IN
       (SELECT client_id FROM
         (SELECT client_id, sum(octet_length(methods)) OVER (ORDER BY first_seen_at, client_id) AS bytes FROM client
          WHERE methods <> '[]' AND served_until < ?)
        WHERE bytes > ?)`,
  );
  const updateTheirs = db.prepare(
    `UPDATE client SET methods = '[]' WHERE client_id IN
       (SELECT client_id FROM
         (SELECT client_id, sum(octet_length(methods)) OVER (PARTITION BY subject ORDER BY first_seen_at, client_id) AS bytes
          FROM client WHERE methods <> '[]' AND served_until < ? AND subject <> '')
        WHERE bytes > ?)`,
  );
  let rememberedCount = 0;
  /** Bytes of methods that were written since the last look. */
  let writtenBytes = 0;

  /** Notes of those that served when the last server ended that they have to come back. */
  function leaveBehind(now: number): void {
    if (rememberedCount === 0) updateLeftBehind.run(now);
  }

  function forgetSome(now: number): void {
    if (rememberedCount++ % FORGET_EVERY > 0 && writtenBytes < maxMethodsBytes / 4) return;
    writtenBytes = 0;
    deleteOld.run(now - KEPT_MS);
    deleteTheirs.run(now - COME_BACK_MS, maxNamedClientsPerPrincipal);
    deleteMany.run(now - COME_BACK_MS, maxNamedClients);
    updateTheirs.run(now - COME_BACK_MS, maxMethodsBytes * METHODS_SHARE);
    updateMany.run(now - COME_BACK_MS, maxMethodsBytes);
  }

  return {
    remember: ({ clientId, labels, queues, subject }, now) => {
      leaveBehind(now);
      const row = upsert.get(clientId, JSON.stringify(labels), JSON.stringify(queues), now, subject)!;
      forgetSome(now);
      return row.is_drained === 1;
    },
    rememberServing: ({ clientId, labels, methods, subject }, now) => {
      if (!owners.isFree(clientId, subject, now)) throw takenByAnother(clientId, 'contact-client');
      leaveBehind(now);
      const text = JSON.stringify(methods);
      writtenBytes += text.length;
      upsertServing.run(clientId, JSON.stringify(labels), text, now, subject);
      forgetSome(now);
    },
    leaveServing: ({ clientId, subject }, now) => {
      updateLeft.run(clientId, subject, now);
    },
    see: ({ clientId, subject }, now) => {
      updateSeen.run(clientId, subject, now);
    },
    forget(clientId, now, endLost) {
      leaveBehind(now);
      const session = selectSession.get(clientId);
      if (session?.lost_at === null || selectServes.get(clientId)) return 'here';
      if (owners.isEnrolled(clientId, now)) return 'enrolled';
      if (!selectOne.get(clientId)) return 'unknown';
      if (session && !endLost()) return 'awaited';
      deleteOne.run(clientId);
      return 'forgotten';
    },
    isDrained: (clientId) => selectDrained.get(clientId)?.is_drained === 1,
    drain: (clientId, isDrained) => updateDrained.run(isDrained ? 1 : 0, clientId).changes === 1,
    listServing: (after, limit) =>
      selectServing.all(after, Math.min(limit, MAX_SERVING_ROWS)).map(({ client_id, methods, subject }) => ({
        clientId: client_id,
        methods: JSON.parse(methods) as string[],
        subject,
      })),
    list: (after, limit) => selectPage.all(after, Math.min(limit, MAX_ROWS)).map(readRow),
    find(clientId) {
      const row = selectOne.get(clientId);
      return row ? readRow(row) : null;
    },
  };
}

function readRow(row: ClientRow): StoredClient {
  return {
    clientId: row.client_id,
    labels: JSON.parse(row.labels),
    queues: JSON.parse(row.queues),
    lastSeenAt: row.last_seen_at,
    isDrained: row.is_drained === 1,
    subject: row.subject,
  };
}
