import { invalid } from '../../shared/errors.ts';
import * as check from '../check.ts';
import type { Handler, TaskContext } from '../handler.ts';

/**
 * Runs around the handler of each task: what it returns is the result, what it throws is the failure. `next()` goes on to the
 * next one, at last to the handler, and answers what that has; a middleware that does not call it ends the task by itself.
 * @param payload as it was decoded, before a schema of a defined task looks at it
 * @example
 * const timed: Middleware = async (_payload, { queue, taskId }, next) => {
 *   const startedAt = performance.now();
 *   try { return await next(); } finally { console.log(queue, taskId, performance.now() - startedAt); }
 * };
 */
export type Middleware = (payload: unknown, context: TaskContext, next: () => Promise<unknown>) => unknown;

/** Of one worker. */
const MAX_MIDDLEWARES = 100;

/** What runs around the handlers of one worker, the first around all others. */
export interface Middlewares {
  /** @throws ContactError INVALID_ARGUMENT for what is no function, or for more than 100 of one worker */
  add(middleware: Middleware): void;
  /** The handler with what there is at the moment around it. */
  around<P, R>(handler: Handler<P, R>): Handler<P, R>;
}

export function createMiddlewares(given: readonly Middleware[] = []): Middlewares {
  let all: readonly Middleware[] = [];

  function add(middleware: Middleware): void {
    check.checkValue('middleware', middleware, check.method);
    if (all.length >= MAX_MIDDLEWARES) throw invalid('use', `expected at most ${MAX_MIDDLEWARES} middlewares`);
    all = [...all, middleware];
  }

  given.forEach(add);
  return {
    add,
    around: (handler) => (all.length === 0 ? handler : wrap(all, handler)),
  };
}

function wrap<P, R>(all: readonly Middleware[], handler: Handler<P, R>): Handler<P, R> {
  return (payload, context) => {
    const run = async (place: number): Promise<unknown> => {
      const middleware = all[place];
      if (!middleware) return handler(payload, context);
      let isCalled = false;
      return middleware(payload, context, async () => {
        // A handler that ran twice would do twice what the task says.
        if (isCalled) throw new Error('next() was called twice by one middleware');
        isCalled = true;
        return run(place + 1);
      });
    };
    return run(0) as Promise<R>;
  };
}
