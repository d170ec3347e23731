import type { Database } from '../file/database.ts';
import type { HistoryRecord, NewHistoryRecord } from '../history.ts';

/** What nodes have counted lately: rows of `history`. */
export interface HistoryRecords {
  keep(record: NewHistoryRecord, keptFrom: number): void;
  list(node: string, since: number): HistoryRecord[];
}

export function createHistoryRecords(db: Database): HistoryRecords {
  const forget = db.prepare('DELETE FROM history WHERE until < ? OR (node = ? AND until > ?)');
  const insert = db.prepare('INSERT INTO history (node, until, bytes) VALUES (?, ?, ?)');
  const select = db.prepare<{ node: string; until: number; bytes: Uint8Array }>(
    'SELECT node, until, bytes FROM history WHERE node = ? AND until >= ? ORDER BY until DESC',
  );

  return {
    keep({ node, from, until, bytes }, keptFrom) {
      forget.run(keptFrom, node, from);
      insert.run(node, until, bytes);
    },
    list: (node, since) => select.all(node, since),
  };
}
