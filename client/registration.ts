import { hostname } from 'node:os';
import type { DescService } from '@bufbuild/protobuf';
import type { Observable } from 'rxjs';
import type { Limits } from '../gen/contact/v1/contact_pb.ts';
import { invalid } from '../shared/errors.ts';
import { newSessionId } from '../shared/ids.ts';
import * as check from './check.ts';
import type { Codec } from './codec.ts';
import { isHandler, MAX_CREDIT, type TaskHandler } from './define/handled.ts';
import type { Middleware } from './define/middleware.ts';
import type { Exposed, ExposeOptions } from './expose/expose.ts';
import type { Handler } from './handler.ts';
import { isLabels } from './labels.ts';
import { CONNECTION_RULES, type ConnectionOptions, checkObject } from './options.ts';
import type { RawHandler } from './serve/raw.ts';
import type { ServeOptions, ServiceHandlers } from './serve/service.ts';
import type { WorkerStatus } from './status.ts';

/** The limits that a worker goes by until its server has told its own. */
export const INITIAL_LIMITS: Limits = {
  $typeName: 'contact.v1.Limits',
  maxPayloadBytes: 1024 * 1024,
  maxResultBytes: 1024 * 1024,
  maxCheckpointBytes: 64 * 1024,
  maxMessageBytes: 1024 * 1024,
};

/** What `createWorker()` takes. */
export interface WorkerOptions<P, R> extends ConnectionOptions {
  /** Queues to draw from; 1 to 1,000 names. Absent, with `handler`: a worker that only serves. */
  readonly queues?: readonly string[];
  /** Runs one task of `queues`: what it answers is the result, what it throws is the failure. Absent with them. */
  readonly handler?: Handler<P, R>;
  /**
   * Handlers of one queue each, beside `queues` and `handler` or without them: what `handle()` of `defineTask()` answers.
   * Their payloads and results are JSON, whatever `codec` is. Default: none.
   */
  readonly tasks?: readonly TaskHandler[];
  /** What runs around the handler of each task, the first around all others; calls of `serve()` are no tasks here. Default: none. */
  readonly use?: readonly Middleware[];
  /** How many handlers run at once; 1 to 10,000. Default: the sum of those of `tasks`, one for each that says nothing; else 1. */
  readonly concurrency?: number;
  /**
   * Milliseconds that an attempt may take here of a task whose producer gave it no `timeoutMs`, unless `tasks` say it of its queue;
   * 0: as long as it takes, which is the default. Then the server closes the attempt (`TIMEOUT`, retried by the task's policy), and
   * its `signal` is aborted; the place is free again once the handler has ended. It counts from when the handler is called.
   */
  readonly timeoutMs?: number;
  /**
   * Tasks that wait here beside those that run, so that the next one begins at once; default 0. If this process dies,
   * those at their last attempt fail: nobody can say that they had not begun.
   */
  readonly prefetch?: number;
  /** A name of your own: the server remembers it. Absent: one is drawn, and forgotten with this worker. */
  readonly clientId?: string;
  /** Labels of this client, for tasks that select clients by them; at most 64. Default: none. */
  readonly labels?: Readonly<Record<string, string>>;
  /** Decodes payloads and encodes results; default JSON. */
  readonly codec?: Codec<R, P>;
  /** Name and version of the program, shown to operators; cut at 128 characters. Default: none. */
  readonly agent?: string;
  /**
   * Whether the server keeps, with each attempt that failed, the stack of what was thrown and of its causes, at most 4 KiB, which
   * those see who may see the task. Default true.
   */
  readonly errorDetail?: boolean;
  /** Milliseconds between two reports of the progress of one task; default 250. */
  readonly progressIntervalMs?: number;
  /**
   * Path of a file that keeps finished results until the server has them, so that no finished work is lost even when
   * this process is killed: the next one with the same file delivers them, as the same client, and what was running
   * goes back to the queue at once, or fails at its last attempt, for it may have begun. One process at a time:
   * FAILED_PRECONDITION for a second one. A loss of power it may not survive (it is not synced); then the tasks run
   * again. Default: none.
   */
  readonly spool?: string;
  /** Bytes of results that the spool may hold; results beyond are in memory alone. Default 256 MiB. */
  readonly spoolMaxBytes?: number;
}

/** What `createWorker()` starts. */
export interface Worker extends AsyncDisposable {
  /** The name that the server knows it by: as given, or as drawn. */
  readonly clientId: string;
  /** What it is doing now and from now on; completes when the worker has stopped, and never errors. */
  readonly status$: Observable<WorkerStatus>;
  /** Resolves with the first registration; rejects when the worker stops before it. */
  connected(): Promise<void>;
  /** Tells operators in free text what this worker is doing; cut at 256 characters. The newest call counts. */
  setStatus(text: string): void;
  /**
   * Serves methods of a gRPC service: anybody calls them at the server's address with ordinary stubs, while this worker is
   * connected. Over the same connection as its tasks; again, with another service, at any time. Unary calls that are kept
   * until somebody is there (`contact-mode: durable`) it runs too, as tasks beside its others, within `concurrency`; their
   * handlers see `contact-task` in the metadata, the same in each attempt.
   * @param handlers a function for each method by its local name, of an object or of an instance of a class; one that is left out
   * is not served. Methods that are served already get these handlers from now on
   * @param options.maxCalls how many live calls may run here at once, of all services; 1 to 10,000, default 100. The newest
   * counts; the server has others wait, or refuses them
   * @throws ContactError INVALID_ARGUMENT naming what is no method of the service or no function; `methods` for more than
   * 1,000 of one worker, `queues` for more than 1,000 with those of its unary methods, which have a queue each
   * @example
   * worker.serve(Greeter, { sayHello: ({ name }) => ({ message: `Hello, ${name}` }) });
   */
  serve<S extends DescService>(service: S, handlers: ServiceHandlers<S>, options?: ServeOptions): void;
  /**
   * Serves methods without knowing their messages: bytes in, bytes out, any kind of RPC. For gateways and recorders.
   * @param methods `pkg.Service/Method`
   * @throws ContactError INVALID_ARGUMENT naming what is no method or no function
   * @example
   * worker.serveRaw(['echo.Echo/Unary'], async function* (requests) { yield* requests; });
   */
  serveRaw(methods: readonly string[], handler: RawHandler, options?: ServeOptions): void;
  /**
   * Serves what a running gRPC server serves, in whatever language it is written: every call is passed on to it as it is,
   * and none is looked into. While it is away its methods are withdrawn: their callers get UNAVAILABLE at once, or wait with
   * `contact-wait`, and tasks of durable calls go back. Its callers' address comes to it as metadata `contact-caller`.
   * @returns what is exposed, once the server was reached and asked
   * @throws ContactError INVALID_ARGUMENT naming the option that is wrong, NOT_FOUND for a service that it has not,
   *   FAILED_PRECONDITION when it has no reflection and no `descriptors` are given, UNAVAILABLE after `deadlineMs`
   * @example
   * await worker.expose({ to: '127.0.0.1:8080', services: ['helloworld.Greeter'] });
   */
  expose(options: ExposeOptions): Promise<Exposed>;
  /**
   * Takes no new tasks, finishes what runs, gives back what has not begun, delivers every report, then closes;
   * `deadlineMs`: then goes on as `stop()`. Default: as long as it takes.
   * @throws ContactError what the server has refused for good, as `finished`
   * @example
   * process.once('SIGTERM', () => worker.drain({ deadlineMs: 20_000 }));
   */
  drain(options?: { readonly deadlineMs?: number }): Promise<void>;
  /**
   * Aborts the handlers, tells what they answer (a TaskFailure too), gives back the rest, delivers every report,
   * closes.
   * @param options.deadlineMs what handlers get to end, and what delivering gets after that; default 5,000
   * @throws ContactError what the server has refused for good, as `finished`
   * @example
   * await worker.stop({ deadlineMs: 1_000 });
   */
  stop(options?: { readonly deadlineMs?: number }): Promise<void>;
  /**
   * Runs this around the handler of each task that begins from now on, within what was added before.
   * @throws ContactError INVALID_ARGUMENT for what is no function, or for more than 100 of one worker
   * @example
   * worker.use((_payload, { queue }, next) => next().finally(() => console.log(queue)));
   */
  use(middleware: Middleware): void;
  /** Resolves when stopped; rejects when the server refused for good. */
  readonly finished: Promise<void>;
  /** As `drain()` with a deadline of 10 s: `await using worker = createWorker(…)`. Never rejects. */
  [Symbol.asyncDispose](): Promise<void>;
}

export const MAX_QUEUES = 1_000;

const WORKER_RULES: Readonly<Record<keyof WorkerOptions<never, never>, check.Check>> = Object.freeze({
  ...CONNECTION_RULES,
  queues: check.listOf(check.name),
  handler: check.method,
  tasks: check.listOf(isHandler),
  use: check.listOf(check.method),
  concurrency: check.integer(1, MAX_CREDIT),
  timeoutMs: check.uint32,
  prefetch: check.integer(0, MAX_CREDIT),
  clientId: check.name,
  labels: isLabels,
  codec: check.codec,
  agent: check.text,
  errorDetail: check.flag,
  progressIntervalMs: check.integer(1, Number.MAX_SAFE_INTEGER),
  spool: check.someText,
  spoolMaxBytes: check.integer(0, Number.MAX_SAFE_INTEGER),
});

/** Throws INVALID_ARGUMENT naming the option. */
export function validateWorker<P, R>(options: WorkerOptions<P, R>): void {
  checkObject(options, WORKER_RULES);
  const { queues, prefetch = 0, handler, tasks = [] } = options;
  // Without any of them it only serves.
  if (queues !== undefined || handler !== undefined) {
    check.checkValue('queues', queues, check.listOf(check.name));
    check.checkValue('handler', handler, check.method);
    if ((queues as readonly string[]).length === 0) throw invalid('queues', `expected 1 to ${MAX_QUEUES} names, got 0`);
  }
  const names = new Set(queues);
  for (const [place, { queue }] of tasks.entries()) {
    if (names.has(queue)) throw invalid(`tasks[${place}].queue`, `${queue} has a handler already`);
    names.add(queue);
  }
  if (names.size > MAX_QUEUES || (queues?.length ?? 0) > MAX_QUEUES) {
    const count = Math.max(names.size, queues?.length ?? 0);
    throw invalid(tasks.length > 0 ? 'tasks' : 'queues', `expected 1 to ${MAX_QUEUES} names, got ${count}`);
  }
  const concurrency = concurrencyOf(options);
  if (concurrency + prefetch > MAX_CREDIT) {
    throw invalid('concurrency', `expected at most ${MAX_CREDIT} with prefetch, got ${concurrency + prefetch}`);
  }
}

/** How many handlers run at once, whosever they are. */
export function concurrencyOf<P, R>({ concurrency, handler, tasks = [] }: WorkerOptions<P, R>): number {
  if (concurrency !== undefined) return concurrency;
  const own = tasks.reduce((sum, task) => sum + (task.concurrency ?? 1), 0);
  return Math.max(1, own + (handler ? 1 : 0));
}

/** An id for a worker that was given none: host:pid:random, in the letters of a name. */
export function identifyClient(): string {
  const host =
    hostname()
      .replaceAll(/[^A-Za-z0-9._-]/g, '-')
      .slice(0, 64) || 'host';
  return `${host}:${process.pid}:${newSessionId().slice(0, 8)}`;
}
