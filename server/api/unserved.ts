import type { MessageInitShape } from '@bufbuild/protobuf';
import type { NewTask, UnservedQueueSchema } from '../../gen/index.ts';
import { findNear } from '../../shared/near.ts';
import type { TaskQueue } from '../dispatch/queue.ts';
import { type Caller, isInScope } from '../model/caller.ts';
import type { NoteFailure } from '../store/failure.ts';
import type { QueueStore } from '../store/queues.ts';
import { createPace } from './pace.ts';

/** Names of each kind (served, set, used) that a mistyped one is compared with. */
const MAX_COMPARED = 1_000;

/** Queues of one batch that are told of: who makes names up by the hundred knows that they are new. */
const MAX_TOLD_OF_BATCH = 10;

/** Queues that one stream is told of. */
const MAX_TOLD_OF_STREAM = 1_000;

/** Comparisons in one turn of the event loop: each may take a millisecond. */
const SEARCHES_PER_TURN = 1;

export type UnservedQueue = MessageInitShape<typeof UnservedQueueSchema>;

/**
 * The queues of tasks that are stored which look as if their names were mistyped: no client serves them or has done a task
 * of them, and they have no settings. undefined: there are none, which is known at once where all of them are served.
 * @param told queues that were looked at before and are not again, to which those of this answer are added. Default: none
 */
export type FindUnserved = (
  tasks: readonly NewTask[],
  caller: Caller,
  told?: Set<string>,
) => Promise<UnservedQueue[]> | undefined;

export interface UnservedOptions {
  readonly queue: Pick<TaskQueue, 'isServed' | 'servedQueues' | 'operations'>;
  readonly store: Pick<QueueStore, 'isUsed' | 'listUsed'>;
  readonly noteFailure: NoteFailure;
}

export function createFindUnserved({ queue, store, noteFailure }: UnservedOptions): FindUnserved {
  const { operations } = queue;
  const pace = createPace(SEARCHES_PER_TURN);

  async function findSimilar(name: string, { scope }: Caller): Promise<string[]> {
    await pace();
    const known = new Set(await store.listUsed(MAX_COMPARED));
    for (const served of firstOf(queue.servedQueues())) known.add(served);
    for (const settings of firstOf(operations.settings())) known.add(settings.queue);
    return findNear(
      name,
      [...known].filter((one) => one !== name && isInScope(scope, one)),
    );
  }

  async function describe(names: readonly string[], caller: Caller): Promise<UnservedQueue[]> {
    const unserved: UnservedQueue[] = [];
    for (const name of names) {
      if (!(await store.isUsed(name))) unserved.push({ queue: name, similar: await findSimilar(name, caller) });
    }
    return unserved;
  }

  return (tasks, caller, told = new Set()) => {
    const names: string[] = [];
    let last = '';
    for (const { queue: name, target } of tasks) {
      // The tasks of a batch mostly go to one queue.
      if (name === last) continue;
      last = name;
      // Of a broadcast it is the clients that matter, and it would have been refused without any.
      if (queue.isServed(name) || told.has(name) || operations.isSet(name) || target.case === 'broadcast') continue;
      if (names.length === MAX_TOLD_OF_BATCH || told.size >= MAX_TOLD_OF_STREAM) break;
      told.add(name);
      names.push(name);
    }
    if (names.length === 0) return undefined;
    return describe(names, caller).catch((error) => {
      // The tasks are stored, so nobody is refused.
      noteFailure('isUsed', error);
      return [];
    });
  };
}

function* firstOf<T>(items: Iterable<T>): Iterable<T> {
  let count = 0;
  for (const item of items) {
    if (count++ === MAX_COMPARED) return;
    yield item;
  }
}
