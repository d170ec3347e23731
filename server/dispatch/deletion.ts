import { ContactError } from '../../shared/errors.ts';
import type { QueueScope } from '../model/caller.ts';
import type { TaskState } from '../model/task.ts';
import { DEFAULT_SETTINGS, type QueueCounts, type QueueStore } from '../store/queues.ts';
import type { CancelOutcome, TaskStore } from '../store/tasks.ts';

/** Tasks that are cancelled, or forgotten, in one commit: a thousand results at once take as long as ten times that in parts. */
const CANCELLED_AT_ONCE = 500;
const FORGOTTEN_AT_ONCE = 200;

/** The reason that tasks are cancelled for. */
const DELETED = 'the queue was deleted';

const OPEN_STATES = ['scheduled', 'ready', 'running'] as const;
const SETTLED_STATES = ['succeeded', 'failed', 'cancelled', 'expired'] as const;

export interface DeletionOrder {
  readonly queue: string;
  /** Also one with tasks that wait or run. */
  readonly withTasks: boolean;
  /** Tells what there is, and changes nothing. */
  readonly isDryRun: boolean;
  /** Tasks that are cancelled, asked to stop or forgotten at most; 0: no limit. */
  readonly max: number;
  /** Whose act it is. */
  readonly by: string;
  /** Whether nobody waits for the answer any more: it ends after the commit that is under way. */
  readonly isAbandoned: () => boolean;
}

export interface DeletionOutcome {
  /** What was done: tasks that waited, those that run and were asked to stop, those that were settled. */
  readonly cancelled: number;
  readonly askedToStop: number;
  readonly forgotten: number;
  /** What is there now. */
  readonly waiting: number;
  readonly running: number;
  readonly settled: number;
  /** Nothing is left: no task, no result and no setting. */
  readonly isDeleted: boolean;
}

/**
 * Takes a queue away, in many commits: cancels what waits, asks what runs to stop, forgets what is settled, and, once nothing
 * is left, its settings. What comes meanwhile is not its business, else a busy producer would keep it going for ever; what runs
 * keeps the queue until it has ended, for whoever calls again.
 * @throws ContactError NOT_FOUND: the queue has no task, no worker and no settings; FAILED_PRECONDITION: it has tasks that wait
 * or run, and `withTasks` is not said
 */
export type DeleteQueue = (order: DeletionOrder) => Promise<DeletionOutcome>;

export interface DeletionOptions {
  readonly store: Pick<TaskStore, 'listTasks' | 'deleteTasks'> & Pick<QueueStore, 'countQueues' | 'setQueueSettings'>;
  /** NOT_FOUND, as above. */
  readonly findQueue: (queue: string) => Promise<QueueCounts>;
  readonly cancel: (
    ids: readonly string[],
    reason: string,
    by: string,
    scope: QueueScope,
  ) => Promise<readonly CancelOutcome[]>;
  readonly now: () => number;
}

export function createDeleteQueue({ store, findQueue, cancel, now }: DeletionOptions): DeleteQueue {
  async function countQueue(queue: string): Promise<QueueCounts | undefined> {
    return (await store.countQueues()).find((one) => one.queue === queue);
  }

  return async ({ queue, withTasks, isDryRun, max, by, isAbandoned }) => {
    const found = summarize(await findQueue(queue));
    const done = { cancelled: 0, askedToStop: 0, forgotten: 0 };
    if (isDryRun) return { ...done, ...found, isDeleted: false };
    if (!withTasks && found.waiting + found.running > 0) throw refuseTasks(found);
    const scope: QueueScope = { queues: [queue] };
    let room = max || Number.POSITIVE_INFINITY;

    /** Goes through the tasks that there are, the newest first, and so past those that come meanwhile. */
    async function walk(
      states: readonly TaskState[],
      pageSize: number,
      act: (page: Awaited<ReturnType<TaskStore['listTasks']>>) => Promise<number>,
    ): Promise<void> {
      let before: string | null = null;
      while (room > 0 && !isAbandoned()) {
        const page: Awaited<ReturnType<TaskStore['listTasks']>> = await store.listTasks(
          { queues: [queue], states },
          before,
          Math.min(pageSize, room),
          scope,
        );
        if (page.length === 0) return;
        before = page.at(-1)!.id;
        room -= await act(page);
      }
    }

    if (withTasks) {
      await walk(OPEN_STATES, CANCELLED_AT_ONCE, async (page) => {
        // Who was asked already is not asked again.
        const ids = page.filter(({ cancelRequested }) => !cancelRequested).map(({ id }) => id);
        const outcomes = ids.length === 0 ? [] : await cancel(ids, DELETED, by, scope);
        for (const outcome of outcomes) {
          if (outcome.kind === 'cancelled' || (outcome.kind === 'children' && outcome.state)) done.cancelled += 1;
          else if (outcome.kind === 'requested' || outcome.kind === 'children') done.askedToStop += 1;
        }
        return ids.length;
      });
    }
    await walk(SETTLED_STATES, FORGOTTEN_AT_ONCE, async (page) => {
      const deleted = await store.deleteTasks(
        page.map(({ id }) => id),
        scope,
        { by, now: now() },
      );
      done.forgotten += deleted.filter(Boolean).length;
      return page.length;
    });
    const left = summarize(await countQueue(queue));
    const isDeleted = left.waiting + left.running + left.settled === 0;
    if (isDeleted) await store.setQueueSettings({ queue, ...DEFAULT_SETTINGS }, { by, now: now(), isDeletion: true });
    return { ...done, ...left, isDeleted };
  };
}

function summarize(counts: QueueCounts | undefined): Pick<DeletionOutcome, 'waiting' | 'running' | 'settled'> {
  if (!counts) return { waiting: 0, running: 0, settled: 0 };
  const { ready, scheduled, running, settled } = counts;
  return {
    waiting: ready + scheduled,
    running,
    settled: Object.values(settled).reduce((sum, count) => sum + count, 0),
  };
}

function refuseTasks({ waiting, running }: Pick<DeletionOutcome, 'waiting' | 'running'>): ContactError {
  const parts = [
    ...(waiting > 0 ? [`${waiting} ${waiting === 1 ? 'task waits' : 'tasks wait'}`] : []),
    ...(running > 0 ? [`${running} ${running === 1 ? 'runs' : 'run'}`] : []),
  ];
  return new ContactError('FAILED_PRECONDITION', `${parts.join(' and ')} there, which that would cancel`, {
    field: 'with_tasks',
  });
}
