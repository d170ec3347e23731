import { ChurnMap } from '../../../../shared/churn.ts';
import type { TaskRow } from './taskrow.ts';
import type { TaskTerms } from './terms.ts';

/** What the claim of a task reads of it, and what never changes. */
export interface NewTask {
  readonly key: number;
  readonly id: string;
  readonly terms: TaskTerms;
  readonly parentId: string | null;
  /** Its place in the order of the inserts; null: it was not ready then. */
  readonly seq: number | null;
  readonly payload: Uint8Array;
}

/**
 * What the next step of a task's life would read, kept from the step before. It is never more than the file has, so
 * anything may be dropped at any time; whoever changes a running task's row forgets it here.
 */
export interface Warm {
  /** A task that was inserted and may be claimed soon. */
  keepNew(task: NewTask): void;
  /** Its claim takes it. */
  takeNew(key: number): NewTask | undefined;
  /** A task that was claimed, as its row is now. */
  keepRunning(row: TaskRow): void;
  findRunning(id: string): TaskRow | undefined;
  forgetRunning(id: string): void;
  /** After anything was taken back. */
  clear(): void;
}

/** In each of two generations. */
const MAX_NEW = 4_096;
const MAX_NEW_BYTES = 8 << 20;
const MAX_RUNNING = 100_000;

export function createWarm(): Warm {
  let young = new ChurnMap<number, NewTask>();
  let old = new ChurnMap<number, NewTask>();
  let youngBytes = 0;
  const running = new ChurnMap<string, TaskRow>();

  return {
    keepNew: (task) => {
      const { byteLength } = task.payload;
      if (young.size >= MAX_NEW || youngBytes + byteLength > MAX_NEW_BYTES) {
        old = young;
        young = new ChurnMap();
        youngBytes = 0;
      }
      youngBytes += byteLength;
      young.set(task.key, task);
    },
    takeNew: (key) => {
      for (const tasks of [young, old]) {
        const task = tasks.get(key);
        if (!task) continue;
        tasks.delete(key);
        return task;
      }
      return undefined;
    },
    keepRunning: (row) => {
      if (running.size < MAX_RUNNING) running.set(row.id, row);
    },
    findRunning: (id) => running.get(id),
    forgetRunning: (id) => {
      running.delete(id);
    },
    clear: () => {
      young.clear();
      old.clear();
      running.clear();
      youngBytes = 0;
    },
  };
}
