import type { Database, Value } from '../file/database.ts';
import type { Fresh } from '../fresh/fresh.ts';
import type { Endings } from './endings.ts';
import type { TaskRow } from './taskrow.ts';
import { readTerms, TERMS } from './terms.ts';
import type { Warm } from './warm.ts';

export interface Tasks {
  byId(id: string): TaskRow | undefined;
  byKey(key: number): TaskRow;
  /** Before its row in `live` is updated: it has one, and what was known of it is forgotten. */
  beginChange(row: TaskRow): void;
  /** Keys of what a session row runs, as claimed. */
  runningOf(sessionKey: number): readonly number[];
}

const COLUMNS = `t.key, t.id, t.queue_id, t.parent_id, l.state, l.lane_id, l.delivery, l.attempt, l.lost, l.ended,
  l.has_checkpoint, l.session_key, l.claimed_at, l.cancel_reason, l.owner,
  ${TERMS}`;

export function createTasks(db: Database, fresh: Fresh, warm: Warm, { flush }: Endings): Tasks {
  const from = `SELECT ${COLUMNS} FROM task t LEFT JOIN live l ON l.task_key = t.key`;
  const selectById = db.prepareColumns(`${from} WHERE t.id = ?`, toTaskRow);
  const selectByKey = db.prepareColumns(`${from} WHERE t.key = ?`, toTaskRow);
  const selectRunning = db.prepare<{ task_key: number }>(
    'SELECT task_key FROM live WHERE state = 1 AND session_key = ? ORDER BY claimed_at, task_key',
  );
  return {
    byId: (id) => {
      const running = fresh.findRun(id) ?? warm.findRunning(id);
      if (running) return running;
      flush();
      const row = selectById.get(id);
      if (row?.state !== null || !fresh.find(row.key, id)) return row;
      fresh.write(row.key, id);
      return selectById.get(id);
    },
    byKey: (key) => {
      flush();
      return selectByKey.get(key)!;
    },
    beginChange: ({ key, id }) => {
      fresh.write(key, id);
      warm.forgetRunning(id);
    },
    runningOf: (sessionKey) => {
      flush();
      fresh.writeSession(sessionKey);
      return selectRunning.all(sessionKey).map((row) => row.task_key);
    },
  };
}

/** In the order of COLUMNS. */
function toTaskRow(c: readonly Value[]): TaskRow {
  return {
    key: c[0] as number,
    id: c[1] as string,
    queue_id: c[2] as number,
    parent_id: c[3] as string | null,
    state: c[4] as number | null,
    lane_id: c[5] as number,
    delivery: c[6] as number,
    attempt: c[7] as number,
    lost: c[8] as number,
    ended: c[9] as number,
    has_checkpoint: c[10] as number,
    session_key: c[11] as number | null,
    claimed_at: c[12] as number | null,
    cancel_reason: c[13] as string | null,
    owner: c[14] as string | null,
    terms: readTerms(c, 15),
  };
}
