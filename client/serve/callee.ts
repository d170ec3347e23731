import type { Limits } from '../../gen/contact/v1/contact_pb.ts';
import { ContactError, invalid } from '../../shared/errors.ts';
import { newSessionId } from '../../shared/ids.ts';
import { refuseName } from '../../tunnel/names.ts';
import { MAX_METHODS } from '../../tunnel/terms.ts';
import type { WorkerDelivery } from '../delivery.ts';
import { type Exposed, exposeTarget } from '../expose/expose.ts';
import type { Report } from '../outbox.ts';
import { MAX_QUEUES, type Worker } from '../registration.ts';
import { runTask } from '../task.ts';
import { offerRaw } from './raw.ts';
import { type Offer, offerService } from './served.ts';
import type { ServeOptions } from './service.ts';
import { createServing, type Serving, type ServingOptions } from './serving.ts';
import { traceAnswers } from './tracing.ts';

/**
 * Why a session ends that begins anew at once: its queues are those of its registration, and there are more now. What it
 * holds goes on.
 */
export const SERVES_MORE = new ContactError('CANCELLED', 'it serves more', {
  advice: { reason: 'QUEUES', retry: 'now' },
});

export interface CalleeOptions extends Omit<ServingOptions, 'sessionId'> {
  /** The session by which the server knows the worker; null: it has registered none yet. */
  readonly sessionId: () => string | null;
  /** The queues that it takes tasks of in any case. */
  readonly queues: readonly string[];
  /** Ends the Serve. */
  readonly signal: AbortSignal;
  /** Of a worker that takes no tasks at all, whose Serve is its only stream. */
  readonly onServing: (isServing: boolean) => void;
  /** There are more queues to draw from. */
  readonly onQueues: () => void;
  /** The server refuses the Serve for good. */
  readonly onRefused: (error: unknown) => void;
}

/** What a worker is beside its tasks, once it serves something. */
export interface WorkerCallee {
  /** Live calls that run. */
  readonly callCount: number;
  /** Of the worker itself. */
  readonly methods: Pick<Worker, 'serve' | 'serveRaw' | 'expose'>;
  /** The queues that it draws from: those that it was given, and those of the methods whose calls are kept. */
  queues(): string[];
  /** Resolves once it draws from a queue, or the worker ends. */
  untilQueues(): Promise<void>;
  /** Whether the tasks of a queue are kept calls, whose failures are told where those of live ones are. */
  serves(queue: string): boolean;
  /** Runs a task that is a kept call; undefined: it is an ordinary one. */
  run(task: WorkerDelivery, limits: Limits): Promise<Report> | undefined;
  drain(): void;
  abort(reason: string): void;
  /** Resolves when the server has heard all that was said, or not in time. */
  close(): Promise<void>;
}

export function createCallee({
  sessionId,
  queues,
  signal,
  onServing,
  onQueues,
  onRefused,
  ...options
}: CalleeOptions): WorkerCallee {
  const { connection } = options;
  const around = { clock: connection.clock, logger: connection.logger, trace: traceAnswers() };
  const hasQueues = Promise.withResolvers<void>();
  if (queues.length > 0) hasQueues.resolve();
  let serving: Serving | undefined;
  const ending = new AbortController();
  const over = Promise.withResolvers<never>();
  over.promise.catch(() => undefined);
  signal.addEventListener('abort', () => {
    hasQueues.resolve();
    ending.abort();
  });
  ending.signal.addEventListener('abort', () => over.reject(new ContactError('CANCELLED', 'the worker has stopped')));

  function listQueues(): string[] {
    return [...new Set([...queues, ...(serving?.kept.keys() ?? [])])];
  }

  function begin(): Serving {
    const drawn = newSessionId();
    const begun = createServing({
      ...options,
      sessionId: () => sessionId() ?? drawn,
      onServing: (isServing) => {
        if (listQueues().length === 0) onServing(isServing);
      },
    });
    begun.run(signal).catch(onRefused);
    return begun;
  }

  /** INVALID_ARGUMENT: it is what the server takes of no worker, or more than of one, which it would end for good. */
  function checkRoom({ methods }: Offer): void {
    for (const name of methods.keys()) {
      const problem = refuseName(name);
      if (problem !== undefined) throw invalid('methods', `${name}: ${problem}`);
    }
    const names = new Set([...(serving?.methods.keys() ?? []), ...methods.keys()]);
    if (names.size > MAX_METHODS)
      throw invalid('methods', `expected at most ${MAX_METHODS} that one worker serves, got ${names.size}`);
    const kept = [...methods].filter(([, method]) => method.kept).map(([name]) => name);
    const { size } = new Set([...listQueues(), ...kept]);
    if (size > MAX_QUEUES) {
      const problem = `expected at most ${MAX_QUEUES} with the methods whose calls are kept in a queue, got ${size}`;
      throw invalid('queues', problem);
    }
  }

  function add(offer: Offer, given?: ServeOptions): void {
    checkRoom(offer);
    serving ??= begin();
    const before = serving.kept.size;
    serving.add(offer, given);
    if (serving.kept.size === before) return;
    hasQueues.resolve();
    onQueues();
  }

  return {
    get callCount() {
      return serving?.callCount ?? 0;
    },
    methods: {
      serve: (service, handlers, given) => add(offerService(service, handlers, around), given),
      serveRaw: (methods, handler, given) => add(offerRaw(methods, handler, around), given),
      async expose(given) {
        const { maxCalls } = given;
        const refresh = (): void => serving?.refresh();
        const { offer, exposed } = await exposeTarget(given, connection, ending.signal, refresh);
        if (ending.signal.aborted) return over.promise;
        add(offer, maxCalls === undefined ? {} : { maxCalls });
        await Promise.race([serving?.untilAccepted(), over.promise]);
        return withoutRefused(exposed, serving?.refused);
      },
    },
    untilQueues: () => hasQueues.promise,
    queues: listQueues,
    serves: (queue) => serving?.kept.has(queue) ?? false,
    run(task, limits) {
      const kept = serving?.kept.get(task.queue);
      return kept && runTask(task, kept.handler, kept.codec, limits);
    },
    drain: () => serving?.drain(),
    abort: (reason) => serving?.abort(reason),
    async close() {
      ending.abort();
      await serving?.close();
    },
  };
}

function withoutRefused({ services }: Exposed, refused: ReadonlySet<string> = new Set()): Exposed {
  const taken = services.map(({ name, methods }) => ({
    name,
    methods: methods.filter((method) => !refused.has(method)),
  }));
  return { services: taken.filter(({ methods }) => methods.length > 0) };
}
