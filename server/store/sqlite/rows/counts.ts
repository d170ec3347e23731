import type { TaskState } from '../../../model/task.ts';
import type { Database } from '../../file/database.ts';

export type Counts = Record<TaskState, number>;

/** Counts by names that are written out, since a key that varies is looked up in the slow way. */
export function count(counts: Counts, state: TaskState, by: number): void {
  switch (state) {
    case 'ready':
      counts.ready += by;
      break;
    case 'running':
      counts.running += by;
      break;
    case 'scheduled':
      counts.scheduled += by;
      break;
    case 'succeeded':
      counts.succeeded += by;
      break;
    case 'failed':
      counts.failed += by;
      break;
    case 'cancelled':
      counts.cancelled += by;
      break;
    case 'expired':
      counts.expired += by;
      break;
  }
}

/** Whether a task in this state has nobody who runs it, and is to have somebody. */
export function isWaiting(state: TaskState): boolean {
  return state === 'ready' || state === 'scheduled';
}

export function countSettled({ succeeded, failed, cancelled, expired }: Counts): number {
  return succeeded + failed + cancelled + expired;
}

/** Tasks of a lane that are ready, and that are not settled, as of the last commit. */
export interface LaneCounts {
  readonly committedReady: number;
  readonly committedLive: number;
}

/** Counts the lanes, each from an index, so that a million tasks take no longer than a glance. */
export function countLanes(db: Database): Map<number, LaneCounts> {
  const countsByLane = new Map<number, LaneCounts>();
  const count = (isReady: boolean, sql: string): void => {
    for (const { lane_id, count } of db.prepare<{ lane_id: number; count: number }>(sql).all()) {
      const { committedReady, committedLive } = countsByLane.get(lane_id) ?? { committedReady: 0, committedLive: 0 };
      countsByLane.set(lane_id, {
        committedReady: committedReady + (isReady ? count : 0),
        committedLive: committedLive + count,
      });
    }
  };
  count(true, 'SELECT lane_id, count(*) AS count FROM live WHERE state = 0 GROUP BY lane_id');
  count(false, 'SELECT lane_id, count(*) AS count FROM live WHERE state = 1 GROUP BY lane_id');
  count(false, 'SELECT lane_id, count(*) AS count FROM live WHERE state = 2 GROUP BY lane_id');
  count(true, 'SELECT lane_id, sum(last_key - first_key + 1) AS count FROM backlog GROUP BY lane_id');
  return countsByLane;
}
