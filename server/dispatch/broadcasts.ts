import type { Clock } from '../../shared/clock.ts';
import { newTaskId } from '../../shared/ids.ts';
import { writeAudience } from '../model/broadcast.ts';
import { laneOfClient, PARENT_LANE } from '../model/lane.ts';
import type { BroadcastInput, TaskInput } from '../model/task.ts';
import { type BroadcastStore, MAX_BROADCAST_BYTES, MAX_CHILDREN } from '../store/broadcasts.ts';
import { retryAfterMs } from '../store/failure.ts';
import type { InsertOutcome } from '../store/tasks.ts';
import type { Addressing, Audience } from './addressing.ts';

/** How a broadcast is cut into parts, each of which is one transaction. */
export interface BroadcastParts {
  /** With no more children than this it is inserted whole. */
  readonly wholeCount: number;
  /** Children, and bytes of them, in a part of one that is not. */
  readonly partCount: number;
  readonly partBytes: number;
}

export const BROADCAST_PARTS: BroadcastParts = Object.freeze({
  wholeCount: MAX_CHILDREN,
  partCount: 2_000,
  partBytes: 8 << 20,
});

export interface BroadcastsOptions {
  readonly store: BroadcastStore;
  readonly node: string;
  readonly clock: Clock;
  readonly addressing: Addressing;
  readonly parts: BroadcastParts;
  readonly onFatal: (error: unknown) => void;
}

/**
 * Inserts broadcasts. A large one is filled part by part, and opened part by part when all its children are in: other
 * work goes between. It is acknowledged when it is open. Until the opening begins it may be abandoned, and is when a
 * part is refused or the process ends; after that it is opened whatever happens.
 */
export interface Broadcasts {
  insert(parent: TaskInput, audience: Audience): Promise<InsertOutcome>;
  /**
   * Begins to abandon or open what an earlier process of this node left, or what was given to it of one that is gone.
   */
  recover(): Promise<void>;
  /** Stops; what is under way is left to the next process. */
  close(): void;
}

export function createBroadcasts(options: BroadcastsOptions): Broadcasts {
  const { store, node, clock, addressing, parts, onFatal } = options;
  /** Those that are not open, by id: whether they will be. As many as enqueues wait for, and were left at the start. */
  const underWay = new Map<string, Promise<boolean>>();
  let isClosed = false;

  /** From now on whoever sends the same broadcast waits, until what this answers is called. */
  function enter(id: string): (isOpen: boolean) => void {
    const { promise, resolve } = Promise.withResolvers<boolean>();
    underWay.set(id, promise);
    return (isOpen) => {
      underWay.delete(id);
      resolve(isOpen);
    };
  }

  async function insert(given: TaskInput, audience: Audience): Promise<InsertOutcome> {
    const clientIds = await addressing.address(given.queue, audience);
    // The parent waits for its children alone: their instants are not its own.
    const meant = writeAudience(audience.selector?.canonical ?? null, audience.isKnown);
    const parent = { ...given, lane: PARENT_LANE, runAt: null, expiresAt: null, audience: meant };
    const toChildren = (ids: readonly string[]): TaskInput[] => ids.map((id) => createChild(given, id, audience));
    const bytes = clientIds.length * parent.payload.byteLength;
    const isWhole = clientIds.length <= parts.wholeCount && bytes <= MAX_BROADCAST_BYTES;
    for (;;) {
      while (underWay.has(parent.id)) await underWay.get(parent.id);
      const outcome = isWhole
        ? await insertWhole(parent, toChildren(clientIds))
        : await insertParts(parent, cut(clientIds, parent.payload.byteLength), toChildren);
      if (!outcome.deduplicated) return outcome;
      // An idempotency key may name another one. If that was abandoned, this one is the first.
      if (await (underWay.get(outcome.id) ?? true)) return outcome;
    }
  }

  async function insertWhole(parent: BroadcastInput, children: readonly TaskInput[]): Promise<InsertOutcome> {
    return store.insertBroadcast(parent, children, clock.now());
  }

  async function insertParts(
    parent: BroadcastInput,
    [first = [], ...others]: readonly (readonly string[])[],
    toChildren: (clientIds: readonly string[]) => TaskInput[],
  ): Promise<InsertOutcome> {
    // Entered before it is in the store, where the next one finds it.
    const leave = enter(parent.id);
    let isFilling = false;
    try {
      const outcome = await store.insertBroadcast(parent, toChildren(first), clock.now(), node);
      if (!outcome.deduplicated) {
        isFilling = true;
        for (const part of others) await store.extendBroadcast(parent.id, toChildren(part), clock.now());
        isFilling = false;
        await open(parent.id);
      }
      leave(true);
      return outcome;
    } catch (error) {
      if (isFilling) finish(abandon(parent.id), () => leave(false));
      else leave(false);
      throw error;
    }
  }

  function cut(clientIds: readonly string[], bytes: number): (readonly string[])[] {
    const count = Math.max(1, Math.min(parts.partCount, Math.floor(parts.partBytes / Math.max(1, bytes))));
    const cuts: string[][] = [];
    for (let at = 0; at < clientIds.length; at += count) cuts.push(clientIds.slice(at, at + count));
    return cuts;
  }

  async function open(id: string): Promise<void> {
    for (;;) {
      const { isOpen } = await persist(() => store.openBroadcast(id, parts.partCount, clock.now()));
      if (isOpen) return;
    }
  }

  async function abandon(id: string): Promise<void> {
    while (!(await persist(() => store.abandonBroadcast(id, parts.partCount))));
  }

  /** Runs again until the store takes it: what has begun must come to an end. */
  async function persist<T>(run: () => Promise<T>): Promise<T> {
    for (;;) {
      try {
        return await run();
      } catch (error) {
        if (isClosed) throw error;
        const afterMs = judge(error);
        await new Promise<void>((resolve) => clock.after(afterMs, resolve));
      }
    }
  }

  function judge(error: unknown): number {
    try {
      return retryAfterMs(error);
    } catch (bug) {
      // The enqueue hears of it too, if there is one; a broadcast that stays half done is nobody's to mend.
      onFatal(bug);
      throw bug;
    }
  }

  /**
   * Work that no enqueue waits for. It leaves a turn later, when everybody whom the same commit told that the broadcast
   * is there has looked for it.
   */
  function finish(work: Promise<void>, leave: () => void): void {
    const leaveLater = (): void => void setImmediate(leave);
    work.then(leaveLater, leaveLater);
  }

  return {
    insert,

    async recover() {
      for (const { parentId, isOpening } of await store.listUnopened(node)) {
        if (underWay.has(parentId)) continue;
        const leave = enter(parentId);
        finish(isOpening ? open(parentId) : abandon(parentId), () => leave(isOpening));
      }
    },

    close() {
      isClosed = true;
    },
  };
}

function createChild(parent: TaskInput, clientId: string, { childExpiresAt }: Audience): TaskInput {
  return {
    ...parent,
    id: newTaskId(),
    lane: laneOfClient(clientId),
    idempotencyKey: null,
    parentId: parent.id,
    expiresAt: childExpiresAt,
  };
}
