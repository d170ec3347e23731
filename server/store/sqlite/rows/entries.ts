import type { Lane, LaneRef } from '../../../model/task.ts';
import type { Database } from '../../file/database.ts';
import { hasSettings, type QueueSettings } from '../../queues.ts';
import { type Counts, countSettled } from './counts.ts';

export interface QueueEntry {
  readonly id: number;
  readonly name: string;
  readonly counts: Counts;
  readonly lanes: Map<Lane, LaneEntry>;
  settings: QueueSettings;
  /** The principal for whom its name counts; empty: nobody. */
  readonly countedFor: string;
  /** Up to this position of the results log the queue keeps no settled task. */
  prunedTo: number;
  /** When the oldest result that it keeps was settled, as of the last look; undefined: nobody has looked. */
  oldestAt: number | undefined;
  /** The counts are to be written. */
  isChanged: boolean;
}

/** A queue as its table has it. */
export interface QueueRow extends Counts {
  readonly id: number;
  readonly name: string;
  readonly is_paused: number;
  readonly max_waiting: number;
  readonly max_running: number;
  readonly retain_ms: number | null;
  readonly retain_count: number | null;
  readonly pruned_to: number;
  readonly counted_for: string;
}

/** One that was read, without lanes yet. */
export function readQueue(row: QueueRow): QueueEntry {
  const { id, name, is_paused, max_waiting, max_running, retain_ms, retain_count, pruned_to, counted_for, ...counts } =
    row;
  const retention = retain_ms === null ? null : { maxAgeMs: retain_ms, maxCount: retain_count! };
  const settings = { isPaused: is_paused === 1, maxWaiting: max_waiting, maxRunning: max_running, retention };
  const memory = { lanes: new Map(), oldestAt: undefined, isChanged: false };
  return {
    id,
    name,
    counts,
    settings: { queue: name, ...settings },
    prunedTo: pruned_to,
    countedFor: counted_for,
    ...memory,
  };
}

export interface LaneEntry {
  readonly id: number;
  readonly queue: QueueEntry;
  readonly ref: LaneRef;
  /** Tasks in the lane that are ready, and that are not settled. */
  ready: number;
  live: number;
  /** The same counts as of the last commit. */
  committedReady: number;
  committedLive: number;
  /** The counts have changed since the last commit. */
  isChanged: boolean;
}

/** Whether the queue has nothing that is to be remembered. */
export function isUnused(queue: QueueEntry): boolean {
  return queue.lanes.size === 0 && isVacant(queue);
}

/** Whether the queue has no task and no setting. */
export function isVacant({ counts: c, settings }: QueueEntry): boolean {
  return c.ready + c.running + c.scheduled + countSettled(c) === 0 && !hasSettings(settings);
}

/** Whether no more tasks of the queue may run now: it is paused, or as many run as may. */
export function isClosed({ settings, counts }: QueueEntry): boolean {
  return settings.isPaused || (settings.maxRunning > 0 && counts.running >= settings.maxRunning);
}

/** Drops lanes that no unsettled task uses and queues without tasks and settings; before the catalog is made. */
export function pruneCatalog(db: Database): void {
  db.exec(`
    BEGIN IMMEDIATE;
    DELETE FROM lane WHERE (SELECT count(*) FROM lane) > 1000
      AND id NOT IN (SELECT lane_id FROM live) AND id NOT IN (SELECT lane_id FROM backlog);
    DELETE FROM queue
      WHERE ready + running + scheduled + succeeded + failed + cancelled + expired = 0
        AND is_paused + max_waiting + max_running = 0 AND retain_ms IS NULL
        AND NOT EXISTS (SELECT 1 FROM lane WHERE lane.queue_id = queue.id);
    COMMIT;`);
}

/** The refs come from the catalog, so that equal lanes are one object. */
export function uniqueLanes(refs: readonly LaneRef[]): readonly LaneRef[] {
  return refs.length < 2 ? refs : [...new Set(refs)];
}
