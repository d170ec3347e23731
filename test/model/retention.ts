import type { Retention } from '../../server/model/retention.ts';
import type { World } from './rules.ts';
import { hasSettled } from './task.ts';

const LEAST_AGE_MS = 600_000;

/** Tasks that are kept no longer, in the order of their newest results. */
export function findPruned(world: World, retention: Retention, now: number): string[] {
  const settled = [...world.tasks.values()].filter(hasSettled);
  const queues = new Set(settled.map(({ input }) => input.queue));
  const found: { id: string; position: number }[] = [];
  for (const queue of queues) {
    const { maxAgeMs, maxCount } = world.settings.get(queue)?.retention ?? retention;
    const oldestFirst = settled
      .filter(({ input }) => input.queue === queue)
      .map((task) => ({ id: task.input.id, ...task.results.at(-1)!.record }))
      .sort((a, b) => a.position - b.position);
    let count = oldestFirst.length;
    for (const { id, position, settledAt } of oldestFirst) {
      const age = now - settledAt;
      const isTooOld = maxAgeMs > 0 && age >= maxAgeMs;
      const isTooMany = maxCount > 0 && count > maxCount;
      if (age < LEAST_AGE_MS || !(isTooOld || isTooMany)) break;
      found.push({ id, position });
      count--;
    }
  }
  return found.sort((a, b) => a.position - b.position).map(({ id }) => id);
}
