import { PARENT_LANE } from '../../model/lane.ts';
import type { ClaimedTask, LaneRef } from '../../model/task.ts';
import { giveInTurn, isBefore, nextInTurn } from '../../model/turns.ts';
import type { ClaimOutcome, ClaimRequest } from '../deliveries.ts';
import {
  type ClaimableTask,
  type Context,
  type FreshClaim,
  type FreshTask,
  isClosed,
  type LaneEntry,
  MANY,
  marks,
  openContent,
  parseMetadata,
  prepareKeys,
  READY_COLUMNS,
  type ReadyRow,
  SELECT_TASK,
  toReadyRow,
  toRunning,
  toTask,
} from './context.ts';

export type ClaimTasks = (requests: readonly ClaimRequest[], now: number) => readonly ClaimOutcome[];

/**
 * A place among a lane's fresh tasks in memory or elsewhere, or among its others, shared by the requests of one claim.
 */
interface LaneCursor {
  readonly lane: LaneEntry;
  /** Reads rows behind the last one; fewer than `limit`: there are no more. */
  readonly read: (last: ReadyRow | FreshTask | undefined, limit: number) => readonly (ReadyRow | FreshTask)[];
  rows: readonly (ReadyRow | FreshTask)[];
  /** Tasks that were read ahead, by key. */
  readonly tasks: Map<number, ClaimableTask>;
  next: number;
  isRead: boolean;
}

/** A request and how far it got. */
interface Turn {
  readonly request: ClaimRequest;
  /** For each queue of the request, the cursors of its lanes. */
  readonly queues: readonly (readonly LaneCursor[])[];
  readonly tasks: ClaimedTask[];
  /** The keys that the tasks have in the store. */
  readonly keys: number[];
  next: number;
  bytes: number;
  isExhausted: boolean;
  readonly isGone: boolean;
}

type Cursors = Map<LaneEntry, readonly LaneCursor[]>;

/** One claim over all its requests. */
interface Pass {
  readonly cursors: Cursors;
  readonly now: number;
  readonly claim: FreshClaim;
  /** Keys of tasks that are fresh again. */
  readonly rejoined: number[];
  /** How many more tasks may be given. */
  left: number;
  count: number;
  bytes: number;
}

/** Rows looked at in one go. */
const CHUNK = 128;
/** Payload bytes that are read ahead: some of them may not be given after all. */
const MAX_AHEAD_BYTES = 64 << 10;

/**
 * Serves requests in turn, one task each time: fair when supply is short; when it is not, each gets its whole limit.
 */
export function createClaimTasks(
  { db, catalog, sessions, fresh, cache }: Context,
  maxTasks = 2_000,
  maxBytes = 8 << 20,
): ClaimTasks {
  const selectReady = db.prepareColumns(
    `SELECT ${READY_COLUMNS} FROM live
     WHERE state = 0 AND lane_id = ? AND (nprio, seq) > (?, ?) ORDER BY nprio, seq LIMIT ?`,
    toReadyRow,
  );
  const updateRunning = prepareKeys(
    db,
    'UPDATE live SET state = 1, delivery = delivery + 1, ended = 0, session_key = ?, claimed_at = ? WHERE task_key IN',
  );
  const deleteLive = prepareKeys(db, 'DELETE FROM live WHERE task_key IN');
  const selectTask = db.prepareColumns(`${SELECT_TASK} WHERE key = ?`, toTask);
  const selectTasks = db.prepareColumns(`${SELECT_TASK} WHERE key IN ${marks(MANY)}`, toTask);
  const selectCheckpoint = db.prepare<{ data: Uint8Array }>('SELECT data FROM checkpoint WHERE task_key = ?');

  function claimTasks(requests: readonly ClaimRequest[], now: number): readonly ClaimOutcome[] {
    const demand = requests.reduce((sum, { limit }) => sum + Math.max(0, limit), 0);
    const left = Math.min(demand, maxTasks);
    const pass: Pass = {
      cursors: new Map(),
      now,
      claim: fresh.beginClaim(now),
      rejoined: [],
      left,
      count: 0,
      bytes: 0,
    };
    const turns: Turn[] = [];
    // A turn begins with its first task: by then many lanes are known to be empty.
    const begin = (request: ClaimRequest): Turn => {
      const turn = createTurn(request, pass);
      turns.push(turn);
      return turn;
    };
    giveInTurn(requests, begin, (turn) => giveOne(turn, pass));
    // Written once at the end: nothing reads these rows before, as a cursor goes on behind the last one it gave away.
    for (const { request, keys } of turns) updateRunning([request.session.key, now], keys);
    deleteLive([], pass.rejoined);
    fresh.endClaim(pass.claim);
    return turns.map(toOutcome);
  }

  /** False: the request has all it gets. */
  function giveOne(turn: Turn, pass: Pass): boolean {
    const { request } = turn;
    if (turn.isGone || request.limit <= 0 || pass.left <= 0) return false;
    const cursor = nextInTurn(turn, findHead, pass);
    if (!cursor) {
      turn.isExhausted = true;
      return false;
    }
    const row = headOf(cursor);
    if (!hasRoom(turn, row) || (pass.count > 0 && pass.bytes + row.bytes > maxBytes)) return false;
    cursor.next++;
    turn.next++;
    turn.bytes += row.bytes;
    turn.tasks.push(take(cursor, row, turn, pass));
    pass.count++;
    pass.left--;
    pass.bytes += row.bytes;
    return turn.tasks.length < request.limit;
  }

  function createTurn(request: ClaimRequest, pass: Pass): Turn {
    const { session, lanes } = request;
    const isGone = sessions.get(session.key)?.epoch !== session.epoch;
    const queues = !isGone && lanes.some((ref) => findLane(ref, pass.cursors)) ? groupLanes(lanes, pass) : [];
    return { request, queues, tasks: [], keys: [], next: 0, bytes: 0, isExhausted: false, isGone };
  }

  /** The lane, unless it is known to be empty: thousands of idle sessions ask for a handful of tasks. */
  function findLane({ queue, lane }: LaneRef, cursors: Cursors): LaneEntry | undefined {
    const entry = catalog.findLane(queue, lane);
    if (!entry || entry.ready === 0 || lane === PARENT_LANE) return undefined;
    return cursors.get(entry)?.every(isAtEnd) ? undefined : entry;
  }

  /** Cursors by queue; queues in the order of their first lane, empty ones too, for they have a turn. */
  function groupLanes(lanes: readonly LaneRef[], { cursors, left }: Pass): LaneCursor[][] {
    const queues = new Map<string, LaneCursor[]>();
    for (const ref of lanes) {
      let ofQueue = queues.get(ref.queue);
      if (!ofQueue) {
        ofQueue = [];
        queues.set(ref.queue, ofQueue);
      }
      const entry = findLane(ref, cursors);
      if (!entry) continue;
      let ofLane = cursors.get(entry);
      if (!ofLane) {
        ofLane = createCursors(entry, left);
        cursors.set(entry, ofLane);
      }
      ofQueue.push(...ofLane);
    }
    return [...queues.values()];
  }

  /** @param left no more are given away in this claim */
  function createCursors(lane: LaneEntry, left: number): LaneCursor[] {
    const { inMemory, all } = fresh.countOf(lane);
    const create = (read: LaneCursor['read']): LaneCursor => {
      return { lane, read, rows: [], tasks: new Map(), next: 0, isRead: false };
    };
    const cursors: LaneCursor[] = [];
    if (lane.ready > all) {
      cursors.push(create((last, limit) => selectReady.all(lane.id, last?.nprio ?? -1e9, last?.seq ?? 0, limit)));
    }
    if (all > inMemory)
      cursors.push(create((last, limit) => fresh.readNext(lane, last as FreshTask | undefined, limit)));
    if (inMemory > 0) cursors.push({ ...create(() => []), rows: fresh.peek(lane, left), isRead: true });
    return cursors;
  }

  /** The lane whose head is next in a queue. */
  function findHead(cursors: readonly LaneCursor[], pass: Pass): LaneCursor | undefined {
    if (cursors.length > 0 && isClosed(cursors[0]!.lane.queue)) return undefined;
    let best: LaneCursor | undefined;
    for (const cursor of cursors) {
      if (readHead(cursor, pass) && (!best || isBefore(headOf(cursor), headOf(best)))) best = cursor;
    }
    return best;
  }

  function readHead(cursor: LaneCursor, { now, left }: Pass): boolean {
    for (;;) {
      for (; cursor.next < cursor.rows.length; cursor.next++) {
        const { expires_at: expiresAt } = cursor.rows[cursor.next]!;
        // A task past its expiry is passed over: the next wake expires it.
        if (expiresAt === null || expiresAt > now) return true;
      }
      if (cursor.isRead) return false;
      const limit = Math.min(CHUNK, left);
      cursor.rows = cursor.read(cursor.rows.at(-1), limit);
      cursor.next = 0;
      cursor.isRead = cursor.rows.length < limit;
    }
  }

  /** The task of a row; others that are next in the lane come with it, when that many are wanted. */
  function readTask(cursor: LaneCursor, key: number, left: number): ClaimableTask {
    const known = cache.takeClaimable(key) ?? cursor.tasks.get(key);
    if (known) return known;
    cursor.tasks.clear();
    const rows = cursor.rows.slice(cursor.next - 1, cursor.next - 1 + MANY);
    const bytes = rows.reduce((sum, row) => sum + row.bytes, 0);
    if (rows.length < MANY || left < MANY || bytes > MAX_AHEAD_BYTES) return selectTask.get(key)!;
    for (const task of selectTasks.all(...rows.map((row) => row.task_key))) cursor.tasks.set(task.key, task);
    return cursor.tasks.get(key)!;
  }

  function take(cursor: LaneCursor, row: ReadyRow | FreshTask, { request, keys }: Turn, pass: Pass): ClaimedTask {
    const { now, left, claim, rejoined } = pass;
    const { lane } = cursor;
    const sessionKey = request.session.key;
    const isFresh = 'lane' in row;
    const task = isFresh && row.content ? openContent(row, row.content) : readTask(cursor, row.task_key, left);
    catalog.move(lane, 'ready', 'claimed', task.terms.createdBy);
    if (isFresh) {
      fresh.run(row, task, sessionKey, claim);
    } else if (fresh.mayRejoin(row, task)) {
      rejoined.push(row.task_key);
      fresh.rejoin(row, lane, task, sessionKey, claim);
    } else {
      keys.push(row.task_key);
      cache.keepRunning(toRunning(row, task, lane, sessionKey, now));
    }
    return toClaimed(row, task, lane);
  }

  function toClaimed(row: ReadyRow, task: ClaimableTask, lane: LaneEntry): ClaimedTask {
    const { createdAt, contentType, metadata, priority, maxAttempts, timeoutMs } = task.terms;
    return {
      id: task.id,
      queue: lane.ref.queue,
      lane: lane.ref.lane,
      payload: task.payload,
      contentType,
      metadata: parseMetadata(metadata),
      priority,
      delivery: row.delivery + 1,
      attempt: row.attempt + 1,
      maxAttempts,
      timeoutMs,
      checkpoint: row.has_checkpoint === 1 ? selectCheckpoint.get(row.task_key)!.data : null,
      readyAt: row.delivery === 0 && task.seq !== null ? createdAt : null,
    };
  }

  return claimTasks;
}

function toOutcome({ request, tasks, isExhausted, isGone }: Turn): ClaimOutcome {
  const outcome = { session: request.session, tasks, exhausted: isExhausted };
  return isGone ? { ...outcome, isGone } : outcome;
}

function hasRoom(turn: Turn, row: ReadyRow): boolean {
  const { request, tasks, bytes } = turn;
  return bytes + row.bytes <= request.maxBytes || (tasks.length === 0 && request.mayExceed);
}

function headOf(cursor: LaneCursor): ReadyRow | FreshTask {
  return cursor.rows[cursor.next]!;
}

function isAtEnd(cursor: LaneCursor): boolean {
  return cursor.isRead && cursor.next >= cursor.rows.length;
}
