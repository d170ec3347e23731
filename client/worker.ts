import { BehaviorSubject, type Observable } from 'rxjs';
import type { Limits } from '../gen/contact/v1/contact_pb.ts';
import type { Delivery } from '../gen/contact/v1/task_pb.ts';
import { ContactError } from '../shared/errors.ts';
import { type CallEnd, errorOf, isFinal } from './closing.ts';
import { json } from './codec.ts';
import { createConnection, type Link } from './connection.ts';
import { deliveryKey, Outbox, type Report } from './outbox.ts';
import { holdProcess } from './pause.ts';
import { identifyClient, validateWorker, type WorkerOptions } from './registration.ts';
import { openSession, type Session } from './session.ts';
import { runTask } from './task.ts';
import { Workload } from './workload.ts';

export interface WorkerStatus {
  /** `draining`: connected, and taking no new tasks. */
  readonly state: 'connecting' | 'connected' | 'reconnecting' | 'draining' | 'stopped';
  readonly clientId: string;
  /** Handlers that run. */
  readonly running: number;
  /** Why it reconnects, or why it has stopped. */
  readonly error?: ContactError;
  /** Milliseconds until the next attempt to connect. */
  readonly nextTryMs?: number;
}

export interface Worker {
  readonly clientId: string;
  /** Replays the newest; completes when the worker has stopped. */
  readonly status$: Observable<WorkerStatus>;
  /** Resolves with the first registration; rejects when the worker stops before it. */
  connected(): Promise<void>;
  /**
   * Takes no new tasks, finishes what runs, gives back what has not begun, delivers every report, then closes.
   * @param options.deadlineMs then goes on as `stop()`; default: as long as it takes
   */
  drain(options?: { readonly deadlineMs?: number }): Promise<void>;
  /**
   * Aborts the handlers, gives back what is unfinished, delivers every report, then closes.
   * @param options.deadlineMs what handlers get to end, and what delivering gets after that; default 5,000
   */
  stop(options?: { readonly deadlineMs?: number }): Promise<void>;
  /** Resolves when stopped; rejects when the server refused for good. */
  readonly finished: Promise<void>;
}

const STOP_DEADLINE_MS = 5_000;
const INITIAL_LIMITS: Limits = {
  $typeName: 'contact.v1.Limits',
  maxPayloadBytes: 1024 * 1024,
  maxResultBytes: 1024 * 1024,
  maxCheckpointBytes: 64 * 1024,
  maxMessageBytes: 1024 * 1024,
};

/**
 * Registers, runs the handler for each task that is pushed, and comes back by itself when the connection is lost;
 * handlers run on meanwhile and their results are kept. A life: open → draining → stopping → closed, each step
 * optional, none back. Keeps the process alive until it is closed.
 */
export function createWorker<P = unknown, R = unknown>(options: WorkerOptions<P, R>): Worker {
  validateWorker(options);
  const connection = createConnection(options);
  const { clock, logger } = connection;
  const clientId = options.clientId ?? identifyClient();
  const codec = options.codec ?? (json as NonNullable<WorkerOptions<P, R>['codec']>);
  const concurrency = options.concurrency ?? 1;
  const firstRegistration = Promise.withResolvers<void>();
  const closing = new AbortController();
  const status$ = new BehaviorSubject<WorkerStatus>({ state: 'connecting', clientId, running: 0 });
  const outbox = new Outbox(clock, () => session?.uplink.wake());
  const workload = new Workload({
    concurrency,
    run: (task) => runTask(task, options.handler, codec, limits),
    started: (task) => {
      session?.uplink.started(task);
      noteRunning();
    },
    reported: (report) => {
      if (report) outbox.put(report);
      noteRunning();
      closeIfDone();
    },
    progressed: (task) => session?.uplink.progressed(task),
    checkpointed: (task) => session?.uplink.checkpointed(task),
  });
  let mode: 'open' | 'draining' | 'stopping' | 'closed' = 'open';
  let session: Session | null = null;
  let isRegistered = false;
  let isDrainedByServer = false;
  let previousSession: string | null = null;
  let limits = INITIAL_LIMITS;
  let trouble: { error: ContactError; nextTryMs: number } | null = null;
  let isStatusDue = false;

  function publish(): void {
    const running = workload.runningCount;
    const isDraining = mode !== 'open' || isDrainedByServer;
    const away = trouble ? 'reconnecting' : 'connecting';
    const state = !isRegistered ? away : isDraining ? 'draining' : 'connected';
    status$.next({ state, clientId, running, ...(isRegistered ? {} : trouble) });
  }

  /** One status for all that begins and ends in a turn, and none if nobody looks. */
  function noteRunning(): void {
    if (isStatusDue || !status$.observed) return;
    isStatusDue = true;
    setImmediate(() => {
      isStatusDue = false;
      if (mode !== 'closed') publish();
    });
  }

  function holding(): Delivery[] {
    const reported = outbox.reports().map(({ message }) => message);
    return [...workload.held(), ...reported].map(({ taskId, delivery }) => ({
      $typeName: 'contact.v1.Delivery',
      taskId,
      delivery,
    }));
  }

  function runSession(link: Link): Promise<CallEnd> {
    const resume = previousSession ? { resume: { previousSession, holding: holding() } } : {};
    const opened = openSession({
      connection,
      link,
      clientId,
      outbox,
      request: {
        revision: 1,
        queues: [...options.queues],
        maxInFlight: concurrency + (options.prefetch ?? 0),
        labels: { ...options.labels },
        ephemeral: options.clientId === undefined,
        agent: options.agent ?? '',
        ...resume,
      },
      listener: {
        registered: ({ limits: told, closed }) => {
          limits = told ?? limits;
          previousSession = opened.id;
          isRegistered = true;
          isDrainedByServer = false;
          trouble = null;
          forget(closed);
          repeat(opened);
          logger.info(`connected to ${connection.server} as ${clientId}`);
          firstRegistration.resolve();
          publish();
          closeIfDone();
        },
        assigned: (tasks) => {
          isDrainedByServer = false;
          // A push that crossed our report of the same delivery is one we have already dealt with.
          const fresh = outbox.size > 0 ? tasks.filter((task) => !outbox.has(deliveryKey(task))) : tasks;
          if (mode === 'open') workload.accept(fresh, limits);
          else for (const task of fresh) if (!workload.has(deliveryKey(task))) outbox.put(releaseOf(task));
        },
        cancelled: (cancel) => workload.cancel(deliveryKey(cancel), cancel.reason),
        draining: () => {
          isDrainedByServer = true;
          logger.info('the server drains this client');
          workload.releaseWaiting();
          publish();
        },
        moving: (afterMs) => logger.info(`${connection.server} goes away in ${afterMs} ms`),
        outcomes: (outcomes) => {
          for (const outcome of outcomes) outbox.settle(outcome);
          closeIfDone();
        },
      },
    });
    session = opened;
    return opened.ended;
  }

  /** The server closed these while we were away. */
  function forget(closed: readonly Delivery[]): void {
    const keys = closed.map(deliveryKey);
    const lostCount = keys.filter((key) => workload.has(key)).length;
    workload.close(keys);
    // Most of these were stored, and only the word of it was lost.
    for (const key of keys) outbox.drop(key);
    if (lostCount > 0) logger.warn(`${lostCount} tasks were taken back while this worker was away`);
  }

  /** What the old session may not have passed on: the server stores neither receipts nor starts. */
  function repeat({ uplink }: Session): void {
    for (const task of workload.running()) {
      uplink.started(task);
      if (task.newCheckpoint) uplink.checkpointed(task);
    }
    for (const { kind, message } of outbox.reports()) {
      if (kind === 'failed')
        uplink.started({ taskId: message.taskId, delivery: message.delivery, hasSucceeded: false });
    }
    outbox.rewind();
    if (mode !== 'open') uplink.credit(0);
  }

  async function run(): Promise<void> {
    for (;;) {
      const link = await connection.open(closing.signal);
      if (!link) return;
      const end = await runSession(link);
      session = null;
      isRegistered = false;
      if (mode === 'closed') return;
      if (isFinal(end)) throw errorOf(end);
      trouble = { error: errorOf(end), nextTryMs: link.failed(end) };
      logger.warn(`lost ${connection.server}: ${trouble.error.message}; next try in ${trouble.nextTryMs} ms`);
      publish();
    }
  }

  function closeIfDone(): void {
    if (mode === 'open' || workload.size > 0 || outbox.size > 0) return;
    if (workload.runningCount === 0 || mode === 'stopping') close();
  }

  function close(): void {
    if (mode === 'closed') return;
    mode = 'closed';
    session?.leave();
    closing.abort();
  }

  function refuse(next: 'draining' | 'stopping'): void {
    mode = next;
    session?.uplink.credit(0);
    workload.releaseWaiting();
    if (isRegistered) publish();
  }

  function drain({ deadlineMs }: { readonly deadlineMs?: number } = {}): Promise<void> {
    if (mode === 'open') {
      refuse('draining');
      if (deadlineMs !== undefined) clock.after(deadlineMs, () => void stop());
      closeIfDone();
    }
    return finished;
  }

  function stop({ deadlineMs = STOP_DEADLINE_MS }: { readonly deadlineMs?: number } = {}): Promise<void> {
    if (mode === 'open' || mode === 'draining') {
      refuse('stopping');
      workload.abortRunning('the worker stops');
      clock.after(deadlineMs, () => {
        workload.abandonRunning();
        clock.after(deadlineMs, close);
      });
      closeIfDone();
    }
    return finished;
  }

  const letGo = holdProcess();
  const finished = run()
    .then(
      () => status$.next({ state: 'stopped', clientId, running: workload.runningCount }),
      (failure) => {
        const error = ContactError.from(failure);
        mode = 'closed';
        if (outbox.size > 0) logger.warn(`${outbox.size} reports could not be delivered`);
        logger.warn(`refused by ${connection.server}: ${error.message}`);
        workload.close(workload.held().map((task) => task.key));
        outbox.clear();
        firstRegistration.reject(error);
        status$.next({ state: 'stopped', clientId, running: workload.runningCount, error });
        throw error;
      },
    )
    .finally(() => {
      firstRegistration.reject(new ContactError('CANCELLED', 'the worker stopped before it was connected'));
      outbox.clear();
      connection.close();
      status$.complete();
      letGo();
    });
  // Both may well be ignored: status$ and the logger say the same.
  finished.catch(() => {});
  firstRegistration.promise.catch(() => {});

  return {
    clientId,
    status$: status$.asObservable(),
    connected: () => firstRegistration.promise,
    drain,
    stop,
    finished,
  };
}

function releaseOf({ taskId, delivery }: { readonly taskId: string; readonly delivery: number }): Report {
  return { kind: 'released', message: { $typeName: 'contact.v1.Delivery', taskId, delivery } };
}
