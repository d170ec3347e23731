import { ChurnMap } from '../../../../shared/churn.ts';
import type { ClaimableTask, TaskRow } from './task.ts';

/**
 * What the next step of a task's life would read, remembered from the step before. It is never more than the file has,
 * so anything may be dropped at any time; whoever changes a running task's row forgets it here.
 */
export interface Cache {
  /** Remembers a task that was inserted and may be claimed soon. */
  keepClaimable(task: ClaimableTask): void;
  /** Takes the task out for its claim; undefined: it is not remembered. */
  takeClaimable(key: number): ClaimableTask | undefined;
  /** Remembers a task that was claimed, as its row is now. */
  keepRunning(row: TaskRow): void;
  findRunning(id: string): TaskRow | undefined;
  forgetRunning(id: string): void;
  /** Forgets everything: after anything was taken back. */
  reload(): void;
}

/** Tasks in each of two generations, and bytes of their payloads. */
const MAX_NEW = 4_096;
const MAX_NEW_BYTES = 8 << 20;
const MAX_RUNNING = 100_000;

export function createCache(): Cache {
  let young = new ChurnMap<number, ClaimableTask>();
  let old = new ChurnMap<number, ClaimableTask>();
  let youngBytes = 0;
  const running = new ChurnMap<string, TaskRow>();

  return {
    keepClaimable: (task) => {
      const { byteLength } = task.payload;
      if (young.size >= MAX_NEW || youngBytes + byteLength > MAX_NEW_BYTES) {
        old = young;
        young = new ChurnMap();
        youngBytes = 0;
      }
      youngBytes += byteLength;
      young.set(task.key, task);
    },
    takeClaimable: (key) => {
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
    reload: () => {
      young.clear();
      old.clear();
      running.clear();
      youngBytes = 0;
    },
  };
}
