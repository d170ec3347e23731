import { create } from '@bufbuild/protobuf';
import { EnqueueTasksRequestSchema } from '../../gen/index.ts';
import { type Api, createApi } from '../../server/api/api.ts';
import type { Context } from '../../server/api/context.ts';
import { createTaskQueue, type TaskQueue } from '../../server/dispatch/queue.ts';
import { createHistory, STEP_MS } from '../../server/history/history.ts';
import { ANONYMOUS, type Caller, type QueueScope } from '../../server/model/caller.ts';
import { createEventCounts, type EventCounts } from '../../server/model/figures.ts';
import { FOREVER } from '../../server/model/retention.ts';
import { DEFAULTS, type ServerOptions } from '../../server/options.ts';
import { createRegistry, type Registry } from '../../server/session/registry.ts';
import { createFailureLog } from '../../server/store/failure.ts';
import { openStore } from '../../server/store/open.ts';
import type { Store } from '../../server/store/store.ts';
import { systemClock } from '../../shared/clock.ts';
import { silentLogger } from '../../shared/logger.ts';

/** The handlers of a server that nothing carries calls to. */
export interface ApiScene {
  readonly store: Store;
  readonly queue: TaskQueue;
  readonly registry: Registry;
  readonly api: Api;
  readonly counts: EventCounts;
  /** Stores a task for each of these queues; answers their ids. */
  enqueue(...queues: string[]): Promise<readonly string[]>;
  close(): Promise<void>;
}

export async function openApi(options: Partial<ServerOptions> = {}): Promise<ApiScene> {
  const store = await openStore('memory:', { node: 'n' });
  const onFatal = (error: unknown): never => {
    throw error;
  };
  const clock = systemClock;
  const noteFailure = createFailureLog({ logger: silentLogger, monotonic: clock.monotonic });
  const queue = await createTaskQueue({ store, node: 'n', clock, onFatal });
  const settings = { ...DEFAULTS, maxPlainInFlight: 10 };
  const registry = createRegistry({ queue, store, clock, random: () => 0, settings, noteFailure, onFatal });
  const agreement = { limits: {}, pingIntervalMs: 5_000, resumeWindowMs: 15_000 };
  const renewals = { watch: () => () => undefined };
  const access = {
    isOn: false,
    renewals,
    findToken: () => undefined,
    addresses: () => [],
    authority: () => ({ pin: '' }),
  };
  const counts = createEventCounts();
  const api = createApi({
    ...DEFAULTS,
    ...options,
    access,
    queue,
    registry,
    store,
    clock,
    agreement,
    version: '0',
    noteFailure,
    counts,
    retention: FOREVER,
    history: createHistory({ clock, logger: silentLogger, stepMs: STEP_MS }),
    figures: () => ({
      ...counts,
      ...registry.measure(),
      ...{ connections: 0, openCalls: 0, openReverseCalls: 0, position: queue.results.newest, lags: [], limits: [] },
      ...{ admittedConnections: 0, certificateExpiresAt: undefined, maxFiles: undefined, fileProblems: [] },
    }),
  });
  return {
    store,
    queue,
    registry,
    api,
    counts,
    async enqueue(...queues) {
      const request = create(EnqueueTasksRequestSchema, { tasks: queues.map((name) => ({ queue: name })) });
      const { tasks = [] } = await api.tasks.enqueueTasks(request, createContext().context);
      return tasks.map(({ id }) => id!);
    },
    async close() {
      registry.close();
      await queue.close();
    },
  };
}

/** A call of who may see these queues, and do what `rights` say of all the rest, until `leave`. */
export function createContext(queues: QueueScope['queues'] = 'all', rights: Partial<Caller> = {}) {
  const controller = new AbortController();
  let begun = 0;
  const context: Context = {
    caller: { ...ANONYMOUS, ...rights, scope: { queues } },
    signal: controller.signal,
    deadlineAt: Number.POSITIVE_INFINITY,
    peer: 'here',
    header: () => undefined,
    beginAnswer: () => {
      begun += 1;
    },
  };
  return { context, leave: (reason: unknown) => controller.abort(reason), begun: () => begun };
}
