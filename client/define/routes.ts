import type { Limits } from '../../gen/contact/v1/contact_pb.ts';
import { type Codec, json } from '../codec.ts';
import type { WorkerDelivery } from '../delivery.ts';
import type { Handler } from '../handler.ts';
import type { Report } from '../outbox.ts';
import { concurrencyOf, type WorkerOptions } from '../registration.ts';
import { runTask } from '../task.ts';
import { createMiddlewares, type Middleware } from './middleware.ts';

/** Which handler a task goes to, and how many of a queue may run at once. */
export interface Routes {
  readonly queues: readonly string[];
  /** How many handlers run at once, whosever they are. */
  readonly concurrency: number;
  /** For queues that have less than that; empty: no queue has. */
  readonly limits: ReadonlyMap<string, number>;
  /** How long attempts may take of tasks that have no timeout of their own, as a registration tells it. */
  readonly timeouts: { readonly timeoutMs: number; readonly queueTimeoutsMs: Readonly<Record<string, number>> };
  run(task: WorkerDelivery, limits: Limits): Promise<Report>;
  /** Adds what runs around each handler. */
  use(middleware: Middleware): void;
}

interface Route {
  readonly handler: Handler<unknown, unknown>;
  readonly codec: Codec<unknown>;
}

export function createRoutes<P, R>(options: WorkerOptions<P, R>): Routes {
  const { tasks = [], queues = [], handler } = options;
  const concurrency = concurrencyOf(options);
  const codec = options.codec ?? (json as NonNullable<WorkerOptions<P, R>['codec']>);
  const middlewares = createMiddlewares(options.use);
  const limits = new Map<string, number>();
  const routes = new Map<string, Route>();
  const timeouts = new Map<string, number>();
  for (const task of tasks) {
    const handler = createMiddlewares(task.use).around(task.handler as Handler<unknown, unknown>);
    routes.set(task.queue, { handler, codec: json });
    if (task.timeoutMs !== undefined) timeouts.set(task.queue, task.timeoutMs);
    const own = task.concurrency ?? options.concurrency ?? 1;
    if (own < concurrency) limits.set(task.queue, own);
  }
  return {
    queues: [...queues, ...routes.keys()],
    concurrency,
    limits,
    timeouts: { timeoutMs: options.timeoutMs ?? 0, queueTimeoutsMs: Object.fromEntries(timeouts) },
    run(task, told) {
      const route = routes.get(task.queue);
      return route
        ? runTask(task, middlewares.around(route.handler), route.codec, told)
        : runTask(task, middlewares.around(handler!), codec, told);
    },
    use: middlewares.add,
  };
}
