import {
  ACT_KINDS,
  type ActCredential,
  type ActLimits,
  type ActRecord,
  isTogether,
  joinActs,
  type NewAct,
  recordOf,
  subjectOf,
} from '../../model/act.ts';
import type { Retention } from '../../model/retention.ts';
import type { Database, Value } from '../file/database.ts';

/** What operators have ordered: rows of `act`. A mirror, since what one request does to many tasks is one row. */
export interface Acts {
  note(act: NewAct): void;
  list(before: number | null, since: number, limit: number): ActRecord[];
  /** Writes what was noted: before every COMMIT. */
  flush(): void;
  reload(): void;
}

const MAX_ACTS = 10_000;
/** Acts that are forgotten at a time. */
const FORGOTTEN_AT_ONCE = 100;

type Noted = Omit<ActRecord, 'number'>;

export function createActs(db: Database, maxActs = MAX_ACTS): Acts {
  const columns = `number, kind, first_at, at, principal, queue, client_id, count, reason, task_ids, detail`;
  // Of those that are alike the newest is looked at; what is about the same may still differ in its detail.
  const selectAlike = db.prepareColumns(
    `SELECT ${columns} FROM act WHERE principal = ? AND kind = ? AND queue IS ? AND client_id IS ?
     ORDER BY number DESC LIMIT 1`,
    toAct,
  );
  const selectPage = db.prepareColumns(
    `SELECT ${columns} FROM act WHERE number < ? AND at >= ? ORDER BY number DESC LIMIT ?`,
    toAct,
  );
  const insert = db.prepare(`INSERT INTO act (${columns}) VALUES (?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?)`);
  const deleteOne = db.prepare('DELETE FROM act WHERE number = ?');
  const selectTotal = db.prepare<{ total: number; newest: number | null }>(
    'SELECT count(*) AS total, max(number) AS newest FROM act',
  );
  const deleteOfMost = db.prepare(
    `DELETE FROM act WHERE number IN (
       SELECT number FROM act WHERE principal =
         (SELECT principal FROM act GROUP BY principal ORDER BY count(*) DESC, min(number) LIMIT 1)
       ORDER BY number LIMIT ?)`,
  );
  /** Of this transaction, those that are alike as one. */
  const noted = new Map<string, Noted>();
  let total = 0;
  let newest = 0;

  function write(act: Noted): void {
    const before = selectAlike.all(act.by, ACT_KINDS.indexOf(act.kind), act.queue, act.clientId)[0];
    const isJoined = before !== undefined && isTogether(before, act);
    // It takes the place of the newest.
    if (isJoined) deleteOne.run(before.number);
    else total += 1;
    const { kind, firstAt, at, by, queue, clientId, count, reason, taskIds, credential, limits, retention } = isJoined
      ? joinActs(before, act)
      : act;
    const detail = credential || limits || retention ? JSON.stringify({ credential, limits, retention }) : null;
    newest += 1;
    insert.run(
      ...[newest, ACT_KINDS.indexOf(kind), firstAt, at, by, queue, clientId, count, reason],
      ...[taskIds.length > 0 ? taskIds.join(' ') : null, detail],
    );
  }

  function reload(): void {
    noted.clear();
    const found = selectTotal.get()!;
    total = found.total;
    newest = found.newest ?? 0;
  }

  reload();
  return {
    note(act) {
      if (act.by === '') return;
      const next = recordOf(act);
      const subject = subjectOf(next);
      const before = noted.get(subject);
      noted.set(subject, before ? joinActs(before, next) : next);
    },
    list: (before, since, limit) => selectPage.all(before ?? Number.MAX_SAFE_INTEGER, since, limit),
    flush() {
      if (noted.size === 0) return;
      for (const act of noted.values()) write(act);
      noted.clear();
      while (total > maxActs) total -= Number(deleteOfMost.run(FORGOTTEN_AT_ONCE).changes);
    },
    reload,
  };
}

interface Detail {
  readonly credential: ActCredential | null;
  readonly limits: ActLimits | null;
  readonly retention: Retention | null;
}

const NO_DETAIL: Detail = Object.freeze({ credential: null, limits: null, retention: null });

function toAct(c: readonly Value[]): ActRecord {
  return {
    number: c[0] as number,
    kind: ACT_KINDS[c[1] as number]!,
    firstAt: c[2] as number,
    at: c[3] as number,
    by: c[4] as string,
    queue: c[5] as string | null,
    clientId: c[6] as string | null,
    count: c[7] as number,
    reason: c[8] as string,
    taskIds: c[9] === null ? [] : (c[9] as string).split(' '),
    ...(c[10] === null ? NO_DETAIL : (JSON.parse(c[10] as string) as Detail)),
  };
}
