import type { SessionRef } from '../../../model/task.ts';
import type { Database } from '../../file/database.ts';
import type { SessionOpening } from '../../sessions.ts';

/** What the store remembers of a session row in memory: as many as there are rows. */
export interface SessionEntry extends SessionRef {
  readonly clientId: string;
  readonly subject: string;
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
  isLost(key: number): boolean;
  delete(key: number): void;
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
  // The digest that was named stays valid, as a client that never heard of this resume names it again.
  const updateRow = db.prepare(
    `UPDATE session SET secret_hash = ?, named_hash = ?, subject = ?, is_named = ?, labels = ?, queues = ?, node = ?,
       epoch = epoch + 1, lost_at = NULL WHERE key = ?`,
  );
  const selectLost = db.prepare<{ key: number }>('SELECT key FROM session WHERE key = ? AND lost_at IS NOT NULL');
  const updateLost = db.prepare('UPDATE session SET lost_at = ? WHERE key = ?');
  const deleteRow = db.prepare('DELETE FROM session WHERE key = ?');
  const entries = new Map<number, SessionEntry>();

  function put(key: number, epoch: number, opening: Omit<SessionEntry, 'key' | 'epoch'>): SessionEntry {
    const { clientId, subject, isNamed, node } = opening;
    const entry = { key, epoch, clientId, subject, isNamed, node };
    entries.set(key, entry);
    return entry;
  }

  function reload(): void {
    entries.clear();
    for (const { key, epoch, client_id: clientId, subject, is_named: isNamed, node } of selectAll.all()) {
      put(key, epoch, { clientId, subject, isNamed: isNamed === 1, node });
    }
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
      return put(Number(lastInsertRowid), 1, opening);
    },
    resume: (row, { secretHash, subject, isNamed, labels, queues, node, resume }) => {
      const named = resume?.previousHash ?? null;
      const lists = [JSON.stringify(labels), JSON.stringify(queues)];
      updateRow.run(secretHash, named, subject, isNamed ? 1 : 0, ...lists, node, row.key);
      return put(row.key, row.epoch + 1, { clientId: row.client_id, subject, isNamed, node });
    },
    markLost: (key, now) => {
      updateLost.run(now, key);
    },
    isLost: (key) => selectLost.get(key) !== undefined,
    delete: (key) => {
      deleteRow.run(key);
      entries.delete(key);
      epochAtOpen.delete(key);
    },
    leftBehind: () => [...entries.values()].filter((entry) => epochAtOpen.get(entry.key) === entry.epoch),
    reload,
  };
}
