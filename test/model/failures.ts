import { isInScope, type QueueScope } from '../../server/model/caller.ts';
import { failureOf, patternOf } from '../../server/model/failure.ts';
import type { Failure, FailureGroup, FailureList, FailureQuery } from '../../server/store/attempts.ts';
import type { World } from './rules.ts';

interface Found extends Failure {
  readonly isFinal: boolean;
}

/** Failures in groups, all of them looked at. */
export function listFailures(world: World, query: FailureQuery, limit: number, scope: QueueScope): FailureList {
  const { by, since = -1, queues } = query;
  const found = findFailures(world).filter(
    ({ queue, endedAt }) => endedAt > since && isInScope(scope, queue) && (queues?.includes(queue) ?? true),
  );
  const groups = new Map<string, { common: FailureGroup['common']; failures: Found[] }>();
  for (const failure of found) {
    const { code, message } = failure;
    const pattern = patternOf(message);
    const name = by === 'client' ? failure.clientId : failure.queue;
    const common = by === 'error' ? { code, pattern } : { name };
    const key = JSON.stringify(common);
    const group = groups.get(key) ?? { common, failures: [] };
    group.failures.push(failure);
    groups.set(key, group);
  }
  const all = [...groups.values()].map(({ common, failures }): FailureGroup => {
    const newest = failures.toSorted((a, b) => b.endedAt - a.endedAt).slice(0, 50);
    const { isFinal: _, ...first } = newest[0]!;
    return {
      common,
      count: failures.length,
      finalCount: failures.filter(({ isFinal }) => isFinal).length,
      newest: first,
      taskIds: [...new Set(newest.map(({ taskId }) => taskId))].slice(0, 10),
    };
  });
  all.sort((a, b) => b.count - a.count || b.newest.endedAt - a.newest.endedAt);
  const left = all.slice(Math.min(limit, 1_000));
  return {
    groups: all.slice(0, Math.min(limit, 1_000)),
    others: { groups: left.length, failures: left.reduce((sum, { count }) => sum + count, 0) },
  };
}

function findFailures({ tasks }: World): Found[] {
  return [...tasks.values()].flatMap((task) =>
    task.attempts.flatMap((attempt) => {
      const failure = failureOf(attempt);
      if (!failure) return [];
      const { clientId, delivery, endedAt } = attempt;
      const isFinal = task.results.some(({ record }) => record.state === 'failed' && record.delivery === delivery);
      const { id: taskId, queue } = task.input;
      const { code, message } = failure;
      return [{ taskId, queue, clientId, delivery, endedAt: endedAt!, code, message, isFinal }];
    }),
  );
}
