import { PARENT_LANE } from '../../model/broadcast.ts';
import type { ClaimedTask, LaneRef, SessionRef } from '../../model/task.ts';
import type { ClaimOutcome, ClaimRequest } from '../store.ts';
import { isFull, type LaneEntry } from './catalog.ts';
import type { Context } from './context.ts';
import type { Value } from './database.ts';
import { ENDED, parseMetadata, RUNNING, type TaskRow } from './tasks.ts';
import type { NewTask } from './warm.ts';

export type ClaimTasks = (requests: readonly ClaimRequest[], now: number) => readonly ClaimOutcome[];

interface ReadyRow {
  readonly task_key: number;
  readonly nprio: number;
  readonly seq: number;
  readonly bytes: number;
  readonly delivery: number;
  readonly attempt: number;
  readonly lost: number;
  readonly has_checkpoint: number;
  readonly expires_at: number | null;
}

/** A place in a lane, shared by the requests of one claim. */
interface LaneCursor {
  readonly lane: LaneEntry;
  rows: readonly ReadyRow[];
  next: number;
  isRead: boolean;
}

/** A request and how far it got. */
interface Turn {
  readonly request: ClaimRequest;
  /** The lanes of each of its queues. */
  readonly queues: readonly (readonly LaneCursor[])[];
  readonly tasks: ClaimedTask[];
  queue: number;
  bytes: number;
  isExhausted: boolean;
  readonly isGone: boolean;
}

/** One claim over all its requests. */
interface Pass {
  readonly cursors: Map<LaneEntry, LaneCursor>;
  readonly now: number;
  count: number;
  bytes: number;
}

/** Rows looked at in one go. */
const CHUNK = 128;

/** Requests in turn, one task each time: fair when supply is short, and when it is not each gets its whole limit. */
export function createClaimTasks(
  { db, catalog, sessions, warm }: Context,
  maxTasks = 2_000,
  maxBytes = 8 << 20,
): ClaimTasks {
  const selectReady = db.prepareColumns(
    `SELECT task_key, nprio, seq, bytes, delivery, attempt, lost, has_checkpoint, expires_at FROM live
     WHERE state = 0 AND lane_id = ? AND (nprio, seq) > (?, ?) ORDER BY nprio, seq LIMIT ?`,
    toReadyRow,
  );
  const updateRunning = db.prepare(
    `UPDATE live SET state = 1, delivery = delivery + 1, ended = 0, session_key = ?, claimed_at = ? WHERE task_key = ?`,
  );
  const selectTask = db.prepareColumns(
    `SELECT id, created_at, content_type, priority, max_attempts, timeout_ms, backoff_base_ms, backoff_cap_ms, parent_id,
       metadata, payload FROM task WHERE key = ?`,
    toTask,
  );
  const selectCheckpoint = db.prepare<{ data: Uint8Array }>('SELECT data FROM checkpoint WHERE task_key = ?');

  function claimTasks(requests: readonly ClaimRequest[], now: number): readonly ClaimOutcome[] {
    const pass: Pass = { cursors: new Map(), now, count: 0, bytes: 0 };
    const turns: Turn[] = [];
    let active: Turn[] = [];
    for (const request of requests) {
      const turn = createTurn(request, pass.cursors);
      turns.push(turn);
      if (giveOne(turn, pass)) active.push(turn);
    }
    while (active.length > 0) active = active.filter((turn) => giveOne(turn, pass));
    return turns.map(toOutcome);
  }

  /** False: the request has all it gets. */
  function giveOne(turn: Turn, pass: Pass): boolean {
    const { request } = turn;
    if (turn.isGone || request.limit <= 0 || pass.count >= maxTasks) return false;
    const cursor = findNext(turn, pass.now);
    if (!cursor) {
      turn.isExhausted = true;
      return false;
    }
    const row = cursor.rows[cursor.next]!;
    if (!hasRoom(turn, row) || (pass.count > 0 && pass.bytes + row.bytes > maxBytes)) return false;
    cursor.next++;
    turn.queue++;
    turn.bytes += row.bytes;
    turn.tasks.push(take(cursor.lane, row, request.session, pass.now));
    pass.count++;
    pass.bytes += row.bytes;
    return turn.tasks.length < request.limit;
  }

  function createTurn(request: ClaimRequest, cursors: Map<LaneEntry, LaneCursor>): Turn {
    const { session, lanes } = request;
    const isGone = sessions.get(session.key)?.epoch !== session.epoch;
    const queues = !isGone && lanes.some((ref) => findLane(ref, cursors)) ? groupLanes(lanes, cursors) : [];
    return { request, queues, tasks: [], queue: 0, bytes: 0, isExhausted: false, isGone };
  }

  /** The lane, unless it is known to be empty: thousands of idle sessions ask for a handful of tasks. */
  function findLane({ queue, lane }: LaneRef, cursors: ReadonlyMap<LaneEntry, LaneCursor>): LaneEntry | undefined {
    const entry = catalog.findLane(queue, lane);
    if (!entry || entry.ready === 0 || lane === PARENT_LANE) return undefined;
    const cursor = cursors.get(entry);
    return cursor && isAtEnd(cursor) ? undefined : entry;
  }

  /** Cursors by queue; queues in the order of their first lane, empty ones too, for they have a turn. */
  function groupLanes(lanes: readonly LaneRef[], cursors: Map<LaneEntry, LaneCursor>): LaneCursor[][] {
    const queues = new Map<string, LaneCursor[]>();
    for (const ref of lanes) {
      let ofQueue = queues.get(ref.queue);
      if (!ofQueue) {
        ofQueue = [];
        queues.set(ref.queue, ofQueue);
      }
      const entry = findLane(ref, cursors);
      if (!entry) continue;
      let cursor = cursors.get(entry);
      if (!cursor) {
        cursor = { lane: entry, rows: [], next: 0, isRead: false };
        cursors.set(entry, cursor);
      }
      ofQueue.push(cursor);
    }
    return [...queues.values()];
  }

  /** The lane whose head is next for this request: queues in turn, within one the larger priority, then the older. */
  function findNext(turn: Turn, now: number): LaneCursor | undefined {
    for (let i = 0; i < turn.queues.length; i++, turn.queue++) {
      let best: LaneCursor | undefined;
      const cursors = turn.queues[turn.queue % turn.queues.length]!;
      if (cursors.length > 0 && isFull(cursors[0]!.lane.queue)) continue;
      for (const cursor of cursors) {
        if (readHead(cursor, now) && (!best || isBefore(cursor, best))) best = cursor;
      }
      if (best) return best;
    }
    return undefined;
  }

  function readHead(cursor: LaneCursor, now: number): boolean {
    for (;;) {
      for (; cursor.next < cursor.rows.length; cursor.next++) {
        const { expires_at: expiresAt } = cursor.rows[cursor.next]!;
        // Else it expires with the next wake; until then it is nobody's.
        if (expiresAt === null || expiresAt > now) return true;
      }
      if (cursor.isRead) return false;
      const last = cursor.rows.at(-1);
      cursor.rows = selectReady.all(cursor.lane.id, last?.nprio ?? -1e9, last?.seq ?? 0, CHUNK);
      cursor.next = 0;
      cursor.isRead = cursor.rows.length < CHUNK;
    }
  }

  function take(lane: LaneEntry, row: ReadyRow, session: SessionRef, now: number): ClaimedTask {
    catalog.move(lane, 'ready', 'claimed');
    updateRunning.run(session.key, now, row.task_key);
    const task = warm.takeNew(row.task_key) ?? selectTask.get(row.task_key)!;
    warm.keepRunning(toRunning(row, task, lane, session.key, now));
    return {
      id: task.id,
      queue: lane.ref.queue,
      lane: lane.ref.lane,
      payload: task.payload,
      contentType: task.contentType,
      metadata: parseMetadata(task.metadata),
      priority: task.priority,
      delivery: row.delivery + 1,
      attempt: row.attempt + 1,
      maxAttempts: task.maxAttempts,
      timeoutMs: task.timeoutMs,
      checkpoint: row.has_checkpoint === 1 ? selectCheckpoint.get(row.task_key)!.data : null,
    };
  }

  return claimTasks;
}

function toOutcome({ request, tasks, isExhausted, isGone }: Turn): ClaimOutcome {
  const outcome = { session: request.session, tasks, exhausted: isExhausted };
  return isGone ? { ...outcome, isGone } : outcome;
}

function toReadyRow(c: readonly Value[]): ReadyRow {
  return {
    task_key: c[0] as number,
    nprio: c[1] as number,
    seq: c[2] as number,
    bytes: c[3] as number,
    delivery: c[4] as number,
    attempt: c[5] as number,
    lost: c[6] as number,
    has_checkpoint: c[7] as number,
    expires_at: c[8] as number | null,
  };
}

function toTask(c: readonly Value[]): NewTask {
  return {
    id: c[0] as string,
    createdAt: c[1] as number,
    contentType: c[2] as string,
    priority: c[3] as number,
    maxAttempts: c[4] as number,
    timeoutMs: c[5] as number,
    backoffBaseMs: c[6] as number,
    backoffCapMs: c[7] as number,
    parentId: c[8] as string | null,
    metadata: c[9] as string | null,
    payload: c[10] as Uint8Array,
  };
}

/** Its row as the claim leaves it. */
function toRunning(row: ReadyRow, task: NewTask, lane: LaneEntry, sessionKey: number, now: number): TaskRow {
  return {
    key: row.task_key,
    id: task.id,
    queue_id: lane.queue.id,
    created_at: task.createdAt,
    max_attempts: task.maxAttempts,
    timeout_ms: task.timeoutMs,
    backoff_base_ms: task.backoffBaseMs,
    backoff_cap_ms: task.backoffCapMs,
    parent_id: task.parentId,
    metadata: task.metadata,
    state: RUNNING,
    lane_id: lane.id,
    delivery: row.delivery + 1,
    attempt: row.attempt,
    lost: row.lost,
    ended: ENDED.none,
    has_checkpoint: row.has_checkpoint,
    session_key: sessionKey,
    claimed_at: now,
    // Asked of a running task only, and then it is not ready again.
    cancel_reason: null,
  };
}

function hasRoom(turn: Turn, row: ReadyRow): boolean {
  const { request, tasks, bytes } = turn;
  return bytes + row.bytes <= request.maxBytes || (tasks.length === 0 && request.mayExceed);
}

function isBefore(a: LaneCursor, b: LaneCursor): boolean {
  const left = a.rows[a.next]!;
  const right = b.rows[b.next]!;
  return left.nprio !== right.nprio ? left.nprio < right.nprio : left.seq < right.seq;
}

function isAtEnd(cursor: LaneCursor): boolean {
  return cursor.isRead && cursor.next >= cursor.rows.length;
}
