import { ChurnMap } from '../../../../shared/churn.ts';
import type { LaneEntry, TaskTerms } from '../rows/index.ts';
import { type FreshTask, type Sent, Slabs } from './task.ts';

/** Fresh tasks that wait: in the order of their keys, and of each lane in the order in which they are claimed. */
export interface FreshWaiting {
  readonly size: number;
  /** Adds a task whose key is larger than all others. With what was sent its claim has to read nothing. */
  add(task: FreshTask, sent?: Sent, terms?: TaskTerms): void;
  /** The task is claimed, written down or taken back. */
  leave(task: FreshTask): void;
  find(key: number): FreshTask | undefined;
  /** Tasks with a key below this one. */
  before(key: number): Iterable<FreshTask>;
  /** So many tasks, those with the smallest keys. */
  oldest(limit: number): readonly FreshTask[];
  /** Takes back tasks with this key and larger ones: their keys are given to others. */
  dropFrom(key: number): void;
  countOf(lane: LaneEntry): number;
  /** Tasks in the order in which they are claimed, at most so many. */
  peek(lane: LaneEntry, limit: number): readonly FreshTask[];
  /** The first task of each priority. */
  heads(lane: LaneEntry): readonly FreshTask[];
  clear(): void;
}

/** Void places beside as many as there are others: a task that is done is not held in memory for long. */
const MAX_VOID = 256;

/** Tasks in order. The places of those that left are void until they are at the head: cheaper than to look for them. */
class Places {
  readonly slabs = new Slabs();
  #tasks: FreshTask[] = [];
  #head = 0;
  /** The place before which no task has content that could be forgotten. */
  #firstFull = 0;

  /** How many places there are, void ones too. */
  get length(): number {
    return this.#tasks.length - this.#head;
  }

  push(task: FreshTask): void {
    this.#tasks.push(task);
  }

  last(): FreshTask | undefined {
    return this.#tasks.length > this.#head ? this.#tasks.at(-1) : undefined;
  }

  pop(): void {
    this.#tasks.pop();
    this.#firstFull = Math.min(this.#firstFull, this.#tasks.length);
  }

  /** Forgets void places at the head, now and then the memory too. */
  trim(): void {
    while (this.#head < this.#tasks.length && !this.#tasks[this.#head]!.isReady) this.#head++;
    if (this.#head < this.#tasks.length / 2 + 64) return;
    this.#tasks = this.#tasks.slice(this.#head);
    this.#head = 0;
    this.#firstFull = 0;
  }

  /** Forgets all void places. */
  compact(): void {
    this.#tasks = this.#tasks.filter((task) => task.isReady);
    this.#head = 0;
    this.#firstFull = 0;
  }

  /** The first task that has what its claim needs. */
  firstFull(): FreshTask {
    while (!this.#tasks[this.#firstFull]!.content) this.#firstFull++;
    return this.#tasks[this.#firstFull]!;
  }

  *[Symbol.iterator](): Generator<FreshTask> {
    for (let at = this.#head; at < this.#tasks.length; at++) if (this.#tasks[at]!.isReady) yield this.#tasks[at]!;
  }

  take(limit: number, found: FreshTask[]): void {
    for (let at = this.#head; at < this.#tasks.length && found.length < limit; at++) {
      if (this.#tasks[at]!.isReady) found.push(this.#tasks[at]!);
    }
  }

  /** Finds a task by its key; only where tasks are in the order of their keys. */
  find(key: number): FreshTask | undefined {
    let low = this.#head;
    for (let high = this.#tasks.length; low < high; ) {
      const middle = (low + high) >>> 1;
      if (this.#tasks[middle]!.task_key < key) low = middle + 1;
      else high = middle;
    }
    const task = this.#tasks[low];
    return task?.task_key === key && task.isReady ? task : undefined;
  }
}

export interface PayloadLimits {
  /** Bytes of payloads that are kept for the claim. */
  readonly payloadBytes: number;
}

interface FreshLane {
  count: number;
  /** Sorted by priority, the largest first. */
  readonly levels: { readonly nprio: number; readonly places: Places }[];
}

export function createFreshWaiting(limits: PayloadLimits): FreshWaiting {
  const lanes = new ChurnMap<LaneEntry, FreshLane>();
  let payloadBytes = 0;
  let all = new Places();
  let size = 0;

  function laneOf(lane: LaneEntry): FreshLane {
    let ofLane = lanes.get(lane);
    if (!ofLane) {
      ofLane = { count: 0, levels: [] };
      lanes.set(lane, ofLane);
    }
    return ofLane;
  }

  function placesOf({ levels }: FreshLane, nprio: number): Places {
    const at = levels.findIndex((level) => level.nprio >= nprio);
    if (levels[at]?.nprio === nprio) return levels[at].places;
    const level = { nprio, places: new Places() };
    levels.splice(at < 0 ? levels.length : at, 0, level);
    return level.places;
  }

  function leave(task: FreshTask): void {
    const ofLane = lanes.get(task.lane)!;
    ofLane.count--;
    if (ofLane.count === 0) lanes.delete(task.lane);
    size--;
    task.isReady = false;
    if (task.content) forget(task);
  }

  function forget(task: FreshTask): void {
    task.content = null;
    payloadBytes -= task.bytes;
  }

  /** Forgets content of the oldest tasks, which may be for clients that are away. */
  function makeRoom(): void {
    while (payloadBytes > limits.payloadBytes) forget(all.firstFull());
  }

  return {
    get size() {
      return size;
    },
    add: (task, sent, terms) => {
      const ofLane = laneOf(task.lane);
      const places = placesOf(ofLane, task.nprio);
      ofLane.count++;
      places.push(task);
      all.push(task);
      task.isReady = true;
      size++;
      if (all.length > 2 * size + MAX_VOID) all.compact();
      if (!sent || !terms) return;
      task.content = places.slabs.keep(sent, terms);
      payloadBytes += task.bytes;
      makeRoom();
    },
    leave,
    find: (key) => all.find(key),
    *before(key) {
      all.trim();
      for (const task of all) {
        if (task.task_key >= key) return;
        yield task;
      }
    },
    oldest: (limit) => {
      const found: FreshTask[] = [];
      all.trim();
      all.take(limit, found);
      return found;
    },
    dropFrom: (key) => {
      for (let last = all.last(); last && last.task_key >= key; last = all.last()) {
        if (last.isReady) leave(last);
        all.pop();
      }
    },
    countOf: (lane) => lanes.get(lane)?.count ?? 0,
    peek: (lane, limit) => {
      const found: FreshTask[] = [];
      for (const { places } of lanes.get(lane)?.levels ?? []) {
        if (found.length >= limit) break;
        places.trim();
        places.take(limit, found);
      }
      return found;
    },
    heads: (lane) =>
      (lanes.get(lane)?.levels ?? []).flatMap(({ places }) => {
        const [head] = places;
        return head ?? [];
      }),
    clear: () => {
      lanes.clear();
      all = new Places();
      size = 0;
      payloadBytes = 0;
    },
  };
}
