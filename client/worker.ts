import { BehaviorSubject } from 'rxjs';
import type { Assignment } from '../gen/contact/v1/contact_pb.ts';
import { ContactError } from '../shared/errors.ts';
import * as check from './check.ts';
import { type CallEnd, errorOf } from './closing.ts';
import { createConnection, type Link } from './connection.ts';
import { createRoutes } from './define/routes.ts';
import { tellFailures } from './failurelog.ts';
import { createHolding } from './holding.ts';
import { guardRandom } from './options.ts';
import { deliveryKey, Outbox } from './outbox.ts';
import { holdProcess, pause } from './pause.ts';
import { INITIAL_LIMITS, identifyClient, validateWorker, type Worker, type WorkerOptions } from './registration.ts';
import { createRest } from './rest.ts';
import { createRivalry, isReplaced } from './rivalry.ts';
import { createCallee, SERVES_MORE } from './serve/callee.ts';
import { openSession, type Session } from './session.ts';
import { openSpool } from './spool.ts';
import { awaitStartReport } from './startreport.ts';
import { shortenStatus, statusOf, type Trouble, type WorkerStatus } from './status.ts';
import { releaseOf } from './task.ts';
import { TaskLogs } from './tasklog.ts';
import { traceRuns } from './tracing.ts';
import { oncePerTurn } from './turn.ts';
import { Workload } from './workload.ts';

const STOP_DEADLINE_MS = 5_000;
const DISPOSE_MS = 10_000;

/**
 * Registers, runs the handler for each task that is pushed, and comes back by itself when the connection is lost;
 * handlers run on meanwhile, results are kept. Keeps the process alive. Its life: open → draining → stopping → closed.
 * @throws ContactError INVALID_ARGUMENT naming the option that is wrong
 * @example
 * const handler = ({ a, b }: { a: number; b: number }) => a + b;
 * const worker = createWorker({ server: '127.0.0.1:50051', queues: ['sums'], concurrency: 8, handler });
 * process.once('SIGTERM', () => worker.drain({ deadlineMs: 20_000 }));
 */
export function createWorker<P = unknown, R = unknown>(options: WorkerOptions<P, R>): Worker {
  validateWorker(options);
  const connection = createConnection(options, { countsWritten: true, clientId: options.clientId });
  const { clock, logger } = connection;
  const { spool: path, spoolMaxBytes: maxBytes, clientId: givenId = connection.clientId } = options;
  const spool = path === undefined ? null : openSpool({ path, maxBytes, clientId: givenId, clock, logger });
  const clientId = givenId ?? spool?.clientId ?? identifyClient();
  const routes = createRoutes(options);
  const firstRegistration = Promise.withResolvers<void>();
  const closing = new AbortController();
  const status$ = new BehaviorSubject<WorkerStatus>({ state: 'connecting', clientId, running: 0 });
  const outbox = new Outbox(clock, () => session?.uplink.wake(), spool);
  const logs = new TaskLogs(clock.now, (log) => session?.uplink.logged(log));
  const workload = new Workload({
    ...routes,
    run: traceRuns((task) => callee.run(task, limits) ?? routes.run(task, limits)),
    started: (task) => {
      session?.uplink.started(task);
      noteRunning();
    },
    hold: awaitStartReport,
    paused: (ms) => rest.begin(ms),
    isReported: (key) => outbox.has(key),
    reported: (report, key) => {
      logs.end(key, report !== null);
      if (report) outbox.put(report, key);
      noteRunning();
      closeIfDone();
    },
    progressed: (task) => session?.uplink.progressed(task),
    checkpointed: (task) => session?.uplink.checkpointed(task),
    logged: (task, said) => logs.add(task, said),
    ...tellFailures(connection, options.errorDetail, (queue) => callee.serves(queue)),
  });
  const holding = createHolding({ workload, outbox, logs, logger });
  const credit = routes.concurrency + (options.prefetch ?? 0);
  const rest = createRest({
    clock,
    onBegin: () => {
      session?.uplink.credit(0);
      workload.releaseWaiting();
    },
    onEnd: () => mode === 'open' && session?.uplink.credit(credit),
  });
  let mode: 'open' | 'draining' | 'stopping' | 'closed' = 'open';
  let session: Session | null = null;
  const refused = Promise.withResolvers<never>();
  let isRegistered = false;
  let isDrainedByServer = false;
  let previousSession = spool?.sessionId ?? null;
  /** The session is that of a process before, and nobody knows what that had begun: the server takes it back. */
  let isFromSpool = previousSession !== null;
  const [labels, isEphemeral] = [{ ...options.labels }, givenId === undefined];
  const asCallee = { connection, clientId, isEphemeral, labels, queues: routes.queues };
  const onQueues = oncePerTurn(() => session?.cut(SERVES_MORE));
  const hears = { onIdle: closeIfDone, onServing, onQueues, onRefused: refused.reject };
  const callee = createCallee({ ...asCallee, ...hears, sessionId: () => previousSession, signal: closing.signal });
  let [statusText, limits] = ['', INITIAL_LIMITS];
  let trouble: Trouble | null = null;
  let abandonsAt = Number.POSITIVE_INFINITY;
  let cancelAbandon = (): void => {};

  function publish(): void {
    const standing = { isRegistered, isDraining: mode !== 'open' || isDrainedByServer, trouble };
    if (mode !== 'closed') status$.next(statusOf({ clientId, running: workload.runningCount }, standing));
  }

  const publishSoon = oncePerTurn(publish);

  /** One status for all that begins and ends in a turn, and none if nobody looks. */
  function noteRunning(): void {
    if (status$.observed) publishSoon();
  }

  /** Gives back a task that was pushed while this worker leaves, unless it is here already or reported. */
  function giveBack(task: Assignment): void {
    const key = deliveryKey(task);
    if (!workload.has(key) && !outbox.has(key)) outbox.put(releaseOf(task), key);
  }

  function runSession(link: Link): Promise<CallEnd> {
    const complete = !isFromSpool;
    const resume = previousSession && { resume: { previousSession, holding: holding.list(), complete } };
    const opened = openSession({
      connection,
      link,
      clientId,
      outbox,
      progressIntervalMs: options.progressIntervalMs,
      request: {
        revision: 1,
        queues: callee.queues(),
        maxInFlight: credit,
        labels,
        ephemeral: isEphemeral,
        agent: options.agent ?? '',
        ...{ ...routes.timeouts, ...resume },
      },
      listener: {
        registered: ({ limits: told, closed }) => {
          limits = told ?? limits;
          previousSession = opened.id;
          isFromSpool = false;
          spool?.remember(clientId, opened.id);
          isRegistered = true;
          isDrainedByServer = false;
          trouble = null;
          holding.forget(closed);
          holding.repeat(opened.uplink);
          if (statusText !== '') opened.uplink.status(statusText);
          if (mode !== 'open' || rest.isOn) opened.uplink.credit(0);
          logger.info(`connected to ${connection.server} as ${clientId}`);
          firstRegistration.resolve();
          publish();
          closeIfDone();
        },
        assigned: (tasks) => {
          isDrainedByServer = false;
          if (mode === 'open') workload.accept(tasks, limits);
          else for (const task of tasks) giveBack(task);
        },
        cancelled: (cancel) => workload.cancel(deliveryKey(cancel), cancel.reason),
        draining: () => {
          isDrainedByServer = true;
          logger.info('the server drains this client');
          workload.releaseWaiting();
          publish();
        },
        renewing: connection.renew,
        moving: (afterMs) => logger.info(`${connection.server} goes away in ${afterMs} ms`),
        outcomes: (outcomes) => {
          for (const outcome of outcomes) if (outbox.settle(outcome)) logs.drop(deliveryKey(outcome));
          closeIfDone();
        },
      },
    });
    session = opened;
    return opened.ended;
  }

  async function run(): Promise<void> {
    const rivalry = createRivalry(guardRandom(options.random));
    for (;;) {
      await callee.untilQueues();
      const link = await connection.open(closing.signal);
      if (!link || closing.signal.aborted) return;
      const openedAt = clock.monotonic();
      const end = await runSession(link);
      session = null;
      isRegistered = false;
      if (mode === 'closed') return;
      if (end.error === SERVES_MORE) continue;
      if (connection.isFinal(end, link) && !isReplaced(end.advice)) throw errorOf(end);
      const awayMs = rivalry.pauseMs(end, clock.monotonic() - openedAt);
      trouble = { error: errorOf(end), nextTryMs: Math.max(awayMs, link.failed(end)) };
      logger.warn(`lost ${connection.server}: ${trouble.error.message}; next try in ${trouble.nextTryMs} ms`);
      publish();
      await pause(clock, awayMs, closing.signal);
    }
  }

  function onServing(isServing: boolean): void {
    isRegistered = isServing;
    if (isServing) firstRegistration.resolve();
    publish();
  }

  function closeIfDone(): void {
    if (mode === 'open' || workload.size > 0 || outbox.size > 0) return;
    if (mode === 'draining' && callee.callCount > 0) return;
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
    callee.drain();
    session?.uplink.credit(0);
    workload.releaseWaiting();
    if (isRegistered) publish();
  }

  const drain: Worker['drain'] = (given) =>
    check.withDeadline(given, (deadlineMs) => {
      if (mode === 'open') {
        refuse('draining');
        if (deadlineMs !== undefined) clock.after(deadlineMs, () => void stop());
        closeIfDone();
      }
      return finished;
    });

  /** Of several calls the one whose deadline is first counts. */
  const stop: Worker['stop'] = (given) =>
    check.withDeadline(given, (deadlineMs = STOP_DEADLINE_MS) => {
      if (mode === 'open' || mode === 'draining') {
        refuse('stopping');
        workload.abortRunning('the worker stops');
        callee.abort('the worker stops');
      }
      if (clock.monotonic() + deadlineMs < abandonsAt) {
        abandonsAt = clock.monotonic() + deadlineMs;
        cancelAbandon();
        cancelAbandon = clock.after(deadlineMs, () => {
          workload.abandonRunning();
          cancelAbandon = clock.after(deadlineMs, close);
        });
      }
      closeIfDone();
      return finished;
    });

  for (const report of spool?.reports ?? []) outbox.restore(report);
  const letGo = holdProcess();
  const finished = Promise.race([run(), refused.promise])
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
    .finally(async () => {
      firstRegistration.reject(new ContactError('CANCELLED', 'the worker stopped before it was connected'));
      // What is left in the spool, the next process delivers.
      spool?.close();
      outbox.clear();
      await callee.close();
      connection.close();
      status$.complete();
      letGo();
    });
  // Callers may well ignore both promises: status$ and the logger say the same.
  for (const promise of [finished, firstRegistration.promise]) promise.catch(() => {});

  return {
    clientId,
    status$: status$.asObservable(),
    connected: () => firstRegistration.promise,
    setStatus(text) {
      check.checkValue('text', text, check.string);
      statusText = shortenStatus(text);
      session?.uplink.status(statusText);
    },
    ...callee.methods,
    ...{ use: routes.use, drain, stop, finished },
    [Symbol.asyncDispose]: () => drain({ deadlineMs: DISPOSE_MS }).catch(() => {}),
  };
}
