import type { SessionRef } from '../../model/task.ts';
import type { SessionOpening } from '../store.ts';
import type { Database } from './database.ts';

/** What the store remembers of a session row in memory: as many as there are rows. */
export interface SessionEntry extends SessionRef {
  readonly clientId: string;
  readonly isNamed: boolean;
  readonly node: string;
}

export interface Sessions {
  get(key: number): SessionEntry | undefined;
  /** The row whose session id has this digest, or that was resumed by naming it and whose client may not know. */
  findByHash(hash: string): SessionRow | undefined;
  findByClient(clientId: string): readonly SessionRow[];
  insert(opening: SessionOpening): SessionEntry;
  resume(row: SessionRow, opening: SessionOpening): SessionEntry;
  markLost(key: number, now: number): void;
  delete(key: number): void;
  /** Remembers a named client. */
  rememberClient(opening: SessionOpening, now: number): void;
  /** Rows that were there when the store opened and that nobody resumed. */
  leftBehind(): readonly SessionEntry[];
  reload(): void;
}

export interface SessionRow {
  readonly key: number;
  readonly secret_hash: string;
  readonly subject: string;
  readonly client_id: string;
  readonly is_named: number;
  readonly node: string;
  readonly epoch: number;
}

const MAX_CLIENTS = 10_000;
const CLIENT_KEPT_MS = 30 * 24 * 3_600_000;

export function createSessions(db: Database): Sessions {
  const columns = 'key, secret_hash, subject, client_id, is_named, node, epoch';
  const selectAll = db.prepare<SessionRow>(`SELECT ${columns} FROM session ORDER BY key`);
  const selectBySecret = db.prepare<SessionRow>(`SELECT ${columns} FROM session WHERE secret_hash = ?`);
  const selectByNamed = db.prepare<SessionRow>(`SELECT ${columns} FROM session WHERE named_hash = ?`);
  const selectByClient = db.prepare<SessionRow>(`SELECT ${columns} FROM session WHERE client_id = ? ORDER BY key`);
  const insertRow = db.prepare(
    `INSERT INTO session (secret_hash, subject, client_id, is_named, labels, queues, node, epoch)
     VALUES (?, ?, ?, ?, ?, ?, ?, 1)`,
  );
  // The digest that was named stays valid: a client that never heard of this resume names it again.
  const updateRow = db.prepare(
    `UPDATE session SET secret_hash = ?, named_hash = ?, is_named = ?, labels = ?, queues = ?, node = ?,
       epoch = epoch + 1, lost_at = NULL WHERE key = ?`,
  );
  const updateLost = db.prepare('UPDATE session SET lost_at = ? WHERE key = ?');
  const deleteRow = db.prepare('DELETE FROM session WHERE key = ?');
  const upsertClient = db.prepare(
    `INSERT INTO client VALUES (?, ?, ?, ?, 0) ON CONFLICT (client_id) DO UPDATE
       SET labels = excluded.labels, queues = excluded.queues, last_seen_at = excluded.last_seen_at`,
  );
  const deleteOldClients = db.prepare('DELETE FROM client WHERE last_seen_at < ?');
  const deleteManyClients = db.prepare(
    `DELETE FROM client WHERE client_id IN
       (SELECT client_id FROM client ORDER BY last_seen_at DESC LIMIT -1 OFFSET ?)`,
  );
  const entries = new Map<number, SessionEntry>();
  let namedOpenings = 0;

  function put(key: number, epoch: number, clientId: string, isNamed: boolean, node: string): SessionEntry {
    const entry = { key, epoch, clientId, isNamed, node };
    entries.set(key, entry);
    return entry;
  }

  function reload(): void {
    entries.clear();
    for (const row of selectAll.all()) put(row.key, row.epoch, row.client_id, row.is_named === 1, row.node);
  }

  reload();
  const epochAtOpen = new Map([...entries.values()].map((entry) => [entry.key, entry.epoch]));

  return {
    get: (key) => entries.get(key),
    findByHash: (hash) => selectBySecret.get(hash) ?? selectByNamed.get(hash),
    findByClient: (clientId) => selectByClient.all(clientId),
    insert: (opening) => {
      const { secretHash, subject, clientId, isNamed, labels, queues, node } = opening;
      const { lastInsertRowid } = insertRow.run(
        secretHash,
        subject,
        clientId,
        isNamed ? 1 : 0,
        JSON.stringify(labels),
        JSON.stringify(queues),
        node,
      );
      return put(Number(lastInsertRowid), 1, clientId, isNamed, node);
    },
    resume: (row, { secretHash, isNamed, labels, queues, node, resume }) => {
      const named = resume?.previousHash ?? null;
      updateRow.run(secretHash, named, isNamed ? 1 : 0, JSON.stringify(labels), JSON.stringify(queues), node, row.key);
      return put(row.key, row.epoch + 1, row.client_id, isNamed, node);
    },
    markLost: (key, now) => {
      updateLost.run(now, key);
    },
    delete: (key) => {
      deleteRow.run(key);
      entries.delete(key);
      epochAtOpen.delete(key);
    },
    rememberClient: ({ clientId, labels, queues }, now) => {
      upsertClient.run(clientId, JSON.stringify(labels), JSON.stringify(queues), now);
      if (namedOpenings++ % 1_000 !== 0) return;
      deleteOldClients.run(now - CLIENT_KEPT_MS);
      deleteManyClients.run(MAX_CLIENTS);
    },
    leftBehind: () => [...entries.values()].filter((entry) => epochAtOpen.get(entry.key) === entry.epoch),
    reload,
  };
}
