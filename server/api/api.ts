import type { AccessService, AdminService, EnrolmentService, TaskService } from '../../gen/index.ts';
import type { Clock } from '../../shared/clock.ts';
import type { Renewals } from '../access/renewals.ts';
import type { TaskQueue } from '../dispatch/queue.ts';
import type { HistoryReader } from '../history/history.ts';
import { countReached, type EventCounts, type Figures } from '../model/figures.ts';
import type { Retention } from '../model/retention.ts';
import type { Registry } from '../session/registry.ts';
import type { CredentialStore } from '../store/credentials.ts';
import type { NoteFailure } from '../store/failure.ts';
import type { Store } from '../store/store.ts';
import { type AccessOptions, createAccessHandlers } from './access.ts';
import { createAdminHandlers } from './admin.ts';
import { createAwaiting } from './awaited.ts';
import { type ClassicHandlers, createClassicHandlers } from './classic.ts';
import { createStoredCalls, type StoredCalls } from './durable.ts';
import { createEnqueue, limitRate } from './enqueue.ts';
import { createEnrolmentHandlers } from './enrolment.ts';
import type { Agreement } from './events.ts';
import type { Handlers } from './handler.ts';
import { createNames } from './names.ts';
import { createPlaces } from './places.ts';
import { createProducing, type OpenProducing } from './producer.ts';
import { createRates } from './rates.ts';
import { createTaskHandlers, type TaskReads } from './tasks.ts';
import { traceStoring } from './tracing.ts';
import { createFindUnserved } from './unserved.ts';
import { createOpenExplainer } from './waiting.ts';
import { createWorkerHandlers, type WorkerHandlers } from './worker.ts';

export interface ApiOptions {
  readonly queue: TaskQueue;
  readonly registry: Registry;
  readonly store: TaskReads &
    CredentialStore &
    Pick<
      Store,
      | 'capabilities'
      | 'listActs'
      | 'listFailures'
      | 'noteAct'
      | 'backUp'
      | 'refusal'
      | 'writeFailure'
      | 'space'
      | 'countQueues'
      | 'countAhead'
      | 'isUsed'
      | 'listUsed'
    >;
  readonly clock: Clock;
  readonly access: Pick<AccessOptions, 'isOn' | 'findToken' | 'addresses' | 'authority'> & {
    readonly renewals: Renewals;
  };
  readonly noteFailure: NoteFailure;
  readonly counts: EventCounts;
  readonly agreement: Agreement;
  readonly version: string;
  readonly node: string;
  readonly maxPayloadBytes: number;
  readonly maxResultBytes: number;
  /** Open `GetTask` streams of one principal. */
  readonly maxSessionsPerPrincipal: number;
  /** Tasks a second of one principal. */
  readonly enqueueRatePerPrincipal: number;
  readonly figures: () => Figures;
  readonly history: HistoryReader;
  readonly retention: Retention;
  /** Classic clients: a task is settled when it is written, also without the client asking for it. */
  readonly classicSettleOnWrite: boolean;
}

/** All that can be asked of a server, whatever carries the question. */
export interface Api {
  readonly worker: WorkerHandlers;
  readonly tasks: Handlers<typeof TaskService, 'streamEnqueue'>;
  readonly openProducing: OpenProducing;
  readonly admin: Handlers<typeof AdminService>;
  readonly access: Handlers<typeof AccessService>;
  readonly enrolment: Handlers<typeof EnrolmentService>;
  readonly classic: ClassicHandlers;
  /** Keeps calls to clients until somebody has answered them. */
  readonly storedCalls: StoredCalls;
}

export function createApi(options: ApiOptions): Api {
  const { queue, registry, store, clock, access, noteFailure, agreement, maxPayloadBytes, maxResultBytes } = options;
  const { counts, maxSessionsPerPrincipal, enqueueRatePerPrincipal } = options;
  const { results, operations, deleteQueue } = queue;
  const rates = createRates({
    perSecond: enqueueRatePerPrincipal,
    clock,
    onReached: countReached(counts, 'enqueue_rate'),
  });
  const places = createPlaces('sessions', maxSessionsPerPrincipal, counts);
  const unlimited = traceStoring(createEnqueue(queue, clock, maxPayloadBytes, counts));
  const enqueue = limitRate(unlimited, rates);
  const openAwaited = createAwaiting(results, store, { onReached: countReached(counts, 'awaited_per_principal') });
  const openExplainer = createOpenExplainer({ queue, registry, store, clock });
  const findUnserved = createFindUnserved({ queue, store, noteFailure });
  const storeKind = store.capabilities.kind;

  return {
    worker: createWorkerHandlers(
      registry,
      access.renewals,
      places,
      createNames(countReached(counts, 'queue_names_per_principal')),
    ),
    access: createAccessHandlers({ ...access, store, clock }),
    enrolment: createEnrolmentHandlers({ ...access, store, clock, clients: registry.clients }),
    tasks: createTaskHandlers({ queue, store, enqueue, clock, noteFailure, openExplainer, findUnserved }),
    storedCalls: createStoredCalls({ queue, store, enqueue }),
    openProducing: createProducing({
      agreement,
      enqueue: unlimited,
      rates,
      openAwaited,
      findUnserved,
      cursorAt: results.cursorAt,
    }),
    admin: createAdminHandlers({
      ...options,
      openExplainer,
      operations,
      deleteQueue,
      storeKind,
      startedAt: clock.now(),
      now: clock.now,
      isAuthenticated: options.access.isOn,
    }),
    classic: createClassicHandlers({
      registry,
      places,
      clock,
      windowMs: agreement.resumeWindowMs,
      maxResultBytes,
      settleOnWrite: options.classicSettleOnWrite,
    }),
  };
}
