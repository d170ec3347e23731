import type { Database } from '../../file/database.ts';

/** Numbers that only grow. */
export interface Counters {
  /**
   * Keys of tasks; given back in order when a batch is undone, and by a rollback. What was committed does not come again while
   * the process lives, though its task, the newest, was deleted: what is fresh is told apart by its key.
   */
  nextTaskKey: number;
  /** Positions of results: dense, so they are given back by a rollback. */
  nextPosition: number;
  /** Draws the `seq` of a task: its place among the ready ones of its priority. */
  drawSeq(): number;
  /** Has the newest position outlive the result that had it. */
  keepPosition(): void;
  confirm(): void;
  reload(): void;
}

/** So many values of `seq` are reserved in the file at once; those not drawn when the process ends are skipped. */
const RESERVED = 100_000;

export function createCounters(db: Database): Counters {
  const selectMeta = db.prepare<{ value: number }>('SELECT value FROM meta WHERE name = ?');
  const putMeta = db.prepare('INSERT INTO meta VALUES (?, ?) ON CONFLICT (name) DO UPDATE SET value = excluded.value');
  const maxKey = db.prepare<{ value: number | null }>('SELECT max(key) AS value FROM task');
  const maxPosition = db.prepare<{ value: number | null }>('SELECT max(position) AS value FROM result');
  let nextSeq = selectMeta.get('seq')?.value ?? 1;
  let reservedSeq = nextSeq;
  let committedTaskKey = 1;

  const counters: Counters = {
    nextTaskKey: 1,
    nextPosition: 1,
    drawSeq: () => {
      if (nextSeq >= reservedSeq) {
        reservedSeq = nextSeq + RESERVED;
        putMeta.run('seq', reservedSeq);
      }
      return nextSeq++;
    },
    keepPosition: () => {
      putMeta.run('position', counters.nextPosition - 1);
    },
    confirm: () => {
      committedTaskKey = counters.nextTaskKey;
    },
    reload: () => {
      counters.nextTaskKey = Math.max(committedTaskKey, (maxKey.get()?.value ?? 0) + 1);
      counters.nextPosition = Math.max(maxPosition.get()?.value ?? 0, selectMeta.get('position')?.value ?? 0) + 1;
      reservedSeq = selectMeta.get('seq')?.value ?? 1;
    },
  };
  counters.reload();
  return counters;
}
