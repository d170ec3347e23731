import type { UnservedQueue } from '../gen/contact/v1/task_service_pb.ts';
import { suggest } from '../shared/near.ts';
import { lineOf } from '../shared/text.ts';

/** Queues that a producer warns of; one that makes names up by the thousand knows that they are new. */
const MAX_WARNED = 1_000;

/**
 * Warns of queues that got a task and that no client serves, as it is when a name is mistyped: of each once, however often
 * the stream to the server is made anew.
 */
export function createUnservedWarning(warn: (line: string) => void): (queues: readonly UnservedQueue[]) => void {
  const warned = new Set<string>();
  return (queues) => {
    for (const { queue, similar } of queues) {
      if (warned.has(queue) || warned.size >= MAX_WARNED) continue;
      warned.add(queue);
      warn(lineOf(`no client serves queue ${queue}, and none has done a task of it${suggest(similar, [])}`));
    }
  };
}
