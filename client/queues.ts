import {
  AdminService,
  type GetHistoryResponse,
  type ListQueuesResponse,
  type Queue,
} from '../gen/contact/v1/admin_service_pb.ts';
import type { Asking } from './asking.ts';
import * as check from './check.ts';
import { buildHistoryRequest, type HistoryOptions } from './history.ts';
import { PAGE_RULES, type PageOptions, readPages } from './pages.ts';
import { buildRetention, type QueueRetention } from './retention.ts';

/** An option of what changes a queue. */
export interface CreateOptions {
  /** Also for a queue that is not there yet. Default: false. */
  readonly create?: boolean;
}

/** How a queue is deleted. */
export interface DeleteQueueOptions {
  /** Also one with tasks that wait or run. Default: false. */
  readonly withTasks?: boolean;
  /** Tells what there is, and changes nothing. Default: false. */
  readonly dryRun?: boolean;
  /** At most so many tasks are cancelled, asked to stop or forgotten; the rest is for another call. Default: no limit. */
  readonly max?: number;
}

/** What became of a queue that was to be deleted: what was done, and what is there now. */
export interface QueueDeletion {
  /** Tasks that waited. */
  readonly cancelled: number;
  /** Tasks that run: they keep the queue until they have ended. */
  readonly askedToStop: number;
  /** Settled tasks, with their results. */
  readonly forgotten: number;
  /** Tasks that wait there now. */
  readonly waiting: number;
  /** Tasks that run now. */
  readonly running: number;
  /** Settled tasks that are kept now. */
  readonly settled: number;
  /** Nothing is left: no task, no result and no setting. */
  readonly deleted: boolean;
}

/** What an operator asks of queues, and orders. */
export interface QueueAdmin {
  /** A page of queues by name, with their counts and settings. */
  listQueues(options?: PageOptions): Promise<ListQueuesResponse>;
  /** The queues of every page, one at a time. */
  listAllQueues(options?: { readonly pageSize?: number }): AsyncGenerator<Queue, void, undefined>;
  /**
   * What queues did within the last hour and how they stood, in steps: counts, latencies and backlogs, a list of values each.
   * A step of which `coveredMs` is 0 is a gap, and so is one before the `knownFrom` of a queue.
   * @throws ContactError PERMISSION_DENIED: `totalOnly` for a caller who may not see all queues
   * @example
   * const { coveredMs, queues } = await admin.queueHistory({ queues: ['mails'], stepMs: 60_000 });
   * const perSecond = queues[0]?.enqueued.map((count, at) => (count * 1_000) / coveredMs[at]!);
   */
  queueHistory(options?: HistoryOptions): Promise<GetHistoryResponse>;
  /**
   * Pushes no task of this queue any more; what runs goes on. NOT_FOUND, as for the next five: the queue has no task,
   * no worker and no settings. `create`: pause it, or set its limits, before it has.
   */
  pauseQueue(queue: string, options?: CreateOptions): Promise<void>;
  /** Ends a pause. */
  resumeQueue(queue: string): Promise<void>;
  /** How many tasks may wait, beyond which enqueues are refused, and how many may run at once; 0: no limit. */
  setQueueLimits(
    queue: string,
    limits: { readonly maxWaiting: number; readonly maxRunning: number },
    options?: CreateOptions,
  ): Promise<void>;
  /**
   * How long settled tasks of the queue and their results are kept: within both limits, `forever`, or `default`, as long
   * as the server says. What is beyond them is forgotten, the oldest results first, once it is ten minutes old.
   */
  setQueueRetention(queue: string, retention: QueueRetention, options?: CreateOptions): Promise<void>;
  /** Cancels every task that waits in the queue; answers how many tasks that were. */
  purgeQueue(queue: string): Promise<number>;
  /**
   * Takes the queue away: what waits is cancelled, what is settled is forgotten with its results, what runs is asked to stop
   * and keeps the queue until it has ended.
   * @throws ContactError FAILED_PRECONDITION: it has tasks that wait or run, and `withTasks` is not said
   * @example
   * const { deleted, running } = await admin.deleteQueue('mails', { withTasks: true });
   * if (!deleted) console.log(`${running} tasks run still`);
   */
  deleteQueue(queue: string, options?: DeleteQueueOptions): Promise<QueueDeletion>;
}

const MAX_UINT32 = 2 ** 32 - 1;
const CREATE_RULES: Readonly<Record<keyof CreateOptions, check.Check>> = Object.freeze({ create: check.flag });
const DELETE_RULES: Readonly<Record<keyof DeleteQueueOptions, check.Check>> = Object.freeze({
  withTasks: check.flag,
  dryRun: check.flag,
  max: check.integer(1, MAX_UINT32),
});
const LIMIT_RULES = Object.freeze({
  maxWaiting: check.integer(0, MAX_UINT32),
  maxRunning: check.integer(0, MAX_UINT32),
});
const { method } = AdminService;

export function createQueueAdmin({ call, persist }: Asking): QueueAdmin {
  async function listQueues(page: PageOptions = {}): Promise<ListQueuesResponse> {
    check.checkFields(page, PAGE_RULES);
    return persist(method.listQueues, page);
  }

  return {
    listQueues,
    listAllQueues: (given) => readPages(given, listQueues, (answer) => answer.queues),
    queueHistory: async (given = {}) => persist(method.getHistory, buildHistoryRequest(given)),
    async pauseQueue(queue, given = {}) {
      check.checkFields(given, CREATE_RULES);
      await persist(method.pauseQueue, { ...queueNamed(queue), ...given });
    },
    resumeQueue: async (queue) => void (await persist(method.resumeQueue, queueNamed(queue))),
    async setQueueLimits(queue, limits, given = {}) {
      check.checkFields(limits, LIMIT_RULES, 'limits');
      for (const [field, rule] of Object.entries(LIMIT_RULES))
        check.checkValue(field, limits[field as keyof typeof limits], rule);
      check.checkFields(given, CREATE_RULES);
      await persist(method.setQueueLimits, { ...queueNamed(queue), limits, ...given });
    },
    async setQueueRetention(queue, retention, given = {}) {
      check.checkFields(given, CREATE_RULES);
      await persist(method.setQueueRetention, { ...queueNamed(queue), ...buildRetention(retention), ...given });
    },
    purgeQueue: async (queue) => (await call(method.purgeQueue, queueNamed(queue))).cancelled,
    async deleteQueue(queue, given = {}) {
      check.checkFields(given, DELETE_RULES);
      const {
        $typeName: _,
        $unknown: _unknown,
        ...deletion
      } = await call(method.deleteQueue, {
        ...queueNamed(queue),
        ...given,
      });
      return deletion;
    },
  };
}

function queueNamed(queue: string): { queue: string } {
  check.checkValue('queue', queue, check.name);
  return { queue };
}
