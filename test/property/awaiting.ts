import assert from 'node:assert/strict';
import type { ResultRecord, TaskInput } from '../../server/model/task.ts';
import type { Store } from '../../server/store/store.ts';
import type { BareServer } from './server.ts';

/** Callers at every node that wait for the result of each task, and observers that follow the log. */
export interface Awaiting {
  /** From now on for these too. */
  listen(tasks: readonly TaskInput[]): Promise<void>;
  /** Every result in the store was told to all callers that waited for it, and once to each observer, in order. */
  check(store: Store): Promise<void>;
}

export function createAwaiting(servers: readonly BareServer[]): Awaiting {
  /** Positions that each node's callers heard of. */
  const heard = servers.map(() => new Set<number>());
  /** What each node's observer has read. */
  const seen: ResultRecord[][] = servers.map(() => []);
  /** By task, the newest position when its callers began to listen: they are not told what was before. */
  const listenedFrom = new Map<string, number>();

  return {
    async listen(tasks) {
      for (const { id } of tasks) {
        if (listenedFrom.has(id)) continue;
        servers.forEach(({ queue }, at) => {
          queue.results.onSettled(id, ({ position }) => void heard[at]!.add(position));
        });
        listenedFrom.set(id, (await servers[0]!.store.resultBounds()).newest);
      }
    },

    async check(store) {
      const all: ResultRecord[] = [];
      for (let page = await store.readResults(0, 500); page.length > 0; ) {
        all.push(...page);
        page = await store.readResults(all.at(-1)!.position, 500);
      }
      for (const [at, { queue }] of servers.entries()) {
        const log = seen[at]!;
        for (;;) {
          const page = await queue.results.read(log.at(-1)?.position ?? 0);
          if (page.length === 0) break;
          log.push(...page);
        }
        const order = (records: readonly ResultRecord[]) =>
          records.map(({ position, taskId }) => `${position} ${taskId}`);
        assert.deepEqual(order(log), order(all), `what the observer of node ${at} saw`);
        const missed = all.filter(
          ({ position, taskId }) => position > (listenedFrom.get(taskId) ?? 0) && !heard[at]!.has(position),
        );
        assert.deepEqual(order(missed), [], `what no caller at node ${at} was told`);
      }
    },
  };
}
