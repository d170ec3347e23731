import { type ContactError, refuseTask } from '../../../shared/errors.ts';
import { UNTIL_OPEN } from '../../model/broadcast.ts';
import { differenceOf } from '../../model/content.ts';
import { PARENT_LANE } from '../../model/lane.ts';
import { isKeyFree } from '../../model/states.ts';
import type { BroadcastInput, TaskInput } from '../../model/task.ts';
import { refuseInAll, refuseInQueue, refuseName, refuseOfPrincipal } from '../full.ts';
import type { InsertOutcome } from '../tasks.ts';
import {
  type ClaimableTask,
  type Context,
  createSharing,
  createStoredTasks,
  FreshTask,
  formatCreator,
  formatMetadata,
  type LaneEntry,
  MANY,
  marks,
  prepareMany,
  prepareRows,
  type QueueEntry,
  READY,
  SCHEDULED,
  type StoredTask,
  settledName,
  type TaskTerms,
  termsOf,
  type Value,
} from './context.ts';

/** Any task, or the parent of a broadcast. */
type Insertable = TaskInput | BroadcastInput;

export interface Inserting {
  insertTasks(tasks: readonly Insertable[], now: number): readonly InsertOutcome[];
  /** Undoes an insert of this transaction that nothing came after: its first key, what it was given and answered. */
  takeBack(firstKey: number, tasks: readonly TaskInput[], outcomes: readonly InsertOutcome[], now: number): void;
  /** Keys that were taken over stay so: after every COMMIT. */
  confirm(): void;
  /** Drops what was gathered of this transaction: after a rollback. */
  reload(): void;
}

/** A task that has taken over the idempotency key of another one that is settled, both by their keys in the table. */
interface Takeover {
  readonly by: number;
  readonly of: number;
}

/** Bytes of a payload that is cached for its claim: reading a larger one costs little beside all the rest. */
const MAX_CACHED_BYTES = 16 << 10;
/** The columns of `task` that are inserted. */
const COLUMNS = 18;
/** The first columns, all but the last four, which mostly have the same values in all rows of a batch. */
const SHARED = 14;

export function createInserting({ db, catalog, principals, counters, fresh, cache, children }: Context): Inserting {
  const intoTask = `INSERT INTO task (queue_id, lane, priority, created_at, expires_at, max_attempts, timeout_ms,
    backoff_base_ms, backoff_cap_ms, idempotency_key, parent_id, content_type, metadata, created_by, key, id, payload, seq) VALUES`;
  const insertTask = db.prepare(`${intoTask} ${marks(COLUMNS)} ON CONFLICT DO NOTHING`);
  const insertMany = prepareMany(db, intoTask, COLUMNS, SHARED, 'ON CONFLICT DO NOTHING');
  const live = prepareRows(
    db,
    `INSERT INTO live (task_key, state, lane_id, nprio, seq, bytes, run_at, expires_at, delivery, attempt, lost, ended,
       has_checkpoint) VALUES`,
    13,
  );
  const share = createSharing();
  const deleteTasksFrom = db.prepare('DELETE FROM task WHERE key >= ?');
  const deleteLiveFrom = db.prepare('DELETE FROM live WHERE task_key >= ?');
  const storedTasks = createStoredTasks(db, children);
  const selectEnd = db.prepare<{ state: number }>(
    `SELECT state FROM result WHERE task_key = ?1 AND NOT EXISTS (SELECT 1 FROM live WHERE task_key = ?1)
     ORDER BY position DESC LIMIT 1`,
  );
  const freeKey = db.prepare('UPDATE task SET freed_key = idempotency_key, idempotency_key = NULL WHERE key = ?');
  const giveKeyBack = db.prepare('UPDATE task SET idempotency_key = freed_key, freed_key = NULL WHERE key = ?');
  /** Those of this transaction, in the order of `by`; as many at most as tasks are inserted by it. */
  let takeovers: Takeover[] = [];

  function insertTasks(tasks: readonly Insertable[], now: number): readonly InsertOutcome[] {
    const firstKey = counters.nextTaskKey;
    const outcomes: InsertOutcome[] = [];
    // Up to this task one by one, since some of the chunk were there already.
    let singleUntil = 0;
    while (outcomes.length < tasks.length) {
      const i = outcomes.length;
      if (i >= singleUntil && i + MANY <= tasks.length) {
        if (insertChunk(tasks.slice(i, i + MANY), outcomes, now)) continue;
        singleUntil = i + MANY;
      }
      const refusal = insertOne(tasks[i]!, i, outcomes, now);
      if (!refusal) continue;
      takeBack(firstKey, tasks, outcomes, now);
      throw refusal;
    }
    live.flush();
    fresh.settleRows();
    return outcomes;
  }

  /** Inserts MANY tasks at once. False: some were there already, and nothing has changed. */
  function insertChunk(tasks: readonly TaskInput[], outcomes: InsertOutcome[], now: number): boolean {
    const { createdBy } = tasks[0]!;
    if (catalog.waitingRoom < MANY || principals.roomOf(createdBy) < MANY) return false;
    if (tasks.some((task) => task.createdBy !== createdBy)) return false;
    if (tasks.some(({ queue }) => !catalog.findQueue(queue)) && catalog.nameRoomOf(createdBy) < MANY) return false;
    const lanes = tasks.map((task) => catalog.internLane(task.queue, task.lane, createdBy));
    if (lanes.some(({ queue }) => queue.settings.maxWaiting > 0)) return false;
    const firstKey = counters.nextTaskKey;
    const seqs = tasks.map((task) => drawSeq(task, now));
    const rows = tasks.map((task, i) => toRow(task, firstKey + i, lanes[i]!.queue.id, seqs[i]!, now));
    if (insertMany(rows) !== MANY) {
      deleteTasksFrom.run(firstKey);
      return false;
    }
    tasks.forEach((task, i) => {
      begin(task, firstKey + i, lanes[i]!, seqs[i]!, now);
      outcomes.push({ id: task.id, deduplicated: false });
    });
    counters.nextTaskKey = firstKey + MANY;
    return true;
  }

  /** Inserts one task; answers why the whole batch is refused, if it is. */
  function insertOne(task: Insertable, i: number, outcomes: InsertOutcome[], now: number): ContactError | undefined {
    const nameless = catalog.refuseName(task.queue, task.createdBy);
    if (nameless !== undefined) return refuseName(i, nameless);
    const lane = catalog.internLane(task.queue, task.lane, task.createdBy);
    const key = counters.nextTaskKey;
    const seq = drawSeq(task, now);
    const row = toRow(task, key, lane.queue.id, seq, now);
    if (isInserted(row) || (takeOverKey(task, lane.queue.id) && isInserted(row))) {
      if (hasEnough(lane.queue)) return refuseInQueue(i, lane.queue.settings);
      if (principals.roomOf(task.createdBy) <= 0)
        return refuseOfPrincipal(task.createdBy, principals.waitingOf(task.createdBy));
      if (catalog.waitingRoom <= 0) return refuseInAll(i);
      begin(task, key, lane, seq, now);
      counters.nextTaskKey = key + 1;
      outcomes.push({ id: task.id, deduplicated: false });
      return undefined;
    }
    const found = findStored(task, lane.queue.id);
    const isSameQueue = found.stored.queueId === lane.queue.id;
    const difference = isSameQueue ? differenceOf(found.stored.content(task.queue), task) : 'queue';
    if (difference !== null) {
      return refuseTask('ALREADY_EXISTS', i, found.field, `task ${found.stored.id} has it, with another ${difference}`);
    }
    outcomes.push({ id: found.stored.id, deduplicated: true });
    return undefined;
  }

  function isInserted(row: Value[]): boolean {
    return insertTask.run(...row).changes === 1;
  }

  /** A task that was cancelled or has expired will never run, so its key is no longer its own once another wants it. */
  function takeOverKey(task: TaskInput, queueId: number): boolean {
    if (storedTasks.byId(task.id)) return false;
    const { key } = storedTasks.byIdempotencyKey(queueId, task.idempotencyKey)!;
    const end = selectEnd.get(key);
    if (!end || !isKeyFree(settledName(end.state))) return false;
    freeKey.run(key);
    takeovers.push({ by: counters.nextTaskKey, of: key });
    return true;
  }

  function drawSeq(task: TaskInput, now: number): number | null {
    return isDue(task, now) ? counters.drawSeq() : null;
  }

  function begin(task: TaskInput, key: number, lane: LaneEntry, seq: number | null, now: number): void {
    fresh.follow(key);
    const isReady = seq !== null;
    const bytes = task.payload.byteLength;
    // Terms are made of a task whose claim comes soon and is to read nothing.
    const terms = isReady && bytes <= MAX_CACHED_BYTES && fresh.isSoon(lane) ? share(termsOf(task, now)) : undefined;
    const isFresh =
      isReady &&
      mayBeFresh(task) &&
      fresh.add(new FreshTask(key, 0 - task.priority, seq, bytes, lane), terms && task, terms);
    catalog.add(lane, isReady ? 'ready' : 'scheduled', 1, task.createdBy);
    if (isFresh) return;
    if (terms) cache.keepClaimable(toClaimable(key, task, seq, terms));
    const runAt = isReady || task.runAt === UNTIL_OPEN ? null : task.runAt;
    live.add([
      key,
      isReady ? READY : SCHEDULED,
      lane.id,
      0 - task.priority,
      seq ?? 0,
      bytes,
      runAt,
      task.expiresAt,
      0,
      0,
      0,
      0,
      0,
    ]);
  }

  /**
   * Undoes a batch, whose keys are a range: as refusals are rare, that is cheaper than a savepoint around each batch.
   */
  function takeBack(
    firstKey: number,
    tasks: readonly TaskInput[],
    outcomes: readonly InsertOutcome[],
    now: number,
  ): void {
    cache.reload();
    fresh.dropFrom(firstKey);
    live.clear();
    deleteLiveFrom.run(firstKey);
    deleteTasksFrom.run(firstKey);
    while ((takeovers.at(-1)?.by ?? -1) >= firstKey) giveKeyBack.run(takeovers.pop()!.of);
    counters.nextTaskKey = firstKey;
    outcomes.forEach((outcome, i) => {
      const task = tasks[i]!;
      if (outcome.deduplicated) return;
      const lane = catalog.internLane(task.queue, task.lane);
      catalog.add(lane, isDue(task, now) ? 'ready' : 'scheduled', -1, task.createdBy);
    });
  }

  function findStored(task: TaskInput, queueId: number): { stored: StoredTask; field: string } {
    const byId = storedTasks.byId(task.id);
    if (byId) return { stored: byId, field: 'id' };
    return { stored: storedTasks.byIdempotencyKey(queueId, task.idempotencyKey)!, field: 'idempotency_key' };
  }

  return {
    insertTasks,
    takeBack,
    confirm: () => {
      takeovers = [];
    },
    reload: () => {
      takeovers = [];
      live.clear();
    },
  };
}

function hasEnough({ settings, counts }: QueueEntry): boolean {
  return settings.maxWaiting > 0 && counts.ready + counts.scheduled >= settings.maxWaiting;
}

/** What the claim of a task and its result will read of it. */
function toClaimable(key: number, task: TaskInput, seq: number | null, terms: TaskTerms): ClaimableTask {
  const { id, parentId, payload } = task;
  // A copy: the payload may be a view that pins a whole received frame.
  return { key, id, terms, parentId, seq, payload: Buffer.from(payload) };
}

/** Whether nothing but a claim can happen to the task by itself: it does not expire and nobody counts it. */
function mayBeFresh({ expiresAt, parentId, lane }: TaskInput): boolean {
  return expiresAt === null && parentId === null && lane !== PARENT_LANE;
}

function isDue(task: TaskInput, now: number): boolean {
  return task.runAt === null || task.runAt <= now;
}

/** The values of a task in the order of the columns that are inserted. */
function toRow(task: TaskInput, key: number, queueId: number, seq: number | null, now: number): Value[] {
  return [
    queueId,
    task.lane,
    task.priority,
    now,
    task.expiresAt,
    task.maxAttempts,
    task.timeoutMs,
    task.backoffBaseMs,
    task.backoffCapMs,
    task.idempotencyKey,
    task.parentId,
    task.contentType,
    formatMetadata(task.metadata),
    formatCreator(task.createdBy),
    key,
    task.id,
    task.payload,
    seq,
  ];
}
