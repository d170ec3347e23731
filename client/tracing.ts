import type { NewTask } from '../gen/index.ts';
import { describeMessage, findTracing, SPAN_KIND, type Tracing } from '../shared/tracing.ts';
import type { Report } from './outbox.ts';

interface Settling<T> {
  readonly resolve: (value: T) => void;
  readonly reject: (error: Error) => void;
}

/** A span for each task that is sent, until it is stored or refused; the task carries it on. Without tracing: as given. */
export function traceSending<T>(
  tracing: Tracing | undefined,
  tasks: readonly NewTask[],
  done: Settling<T>,
): Settling<T> {
  if (!tracing) return done;
  const spans = tasks.map(({ queue, id, metadata }) => {
    const attributes = describeMessage('send', queue, id);
    const span = tracing.start({ name: `send ${queue}`, kind: SPAN_KIND.producer, attributes });
    span.inject(metadata);
    return span;
  });
  return {
    resolve(value) {
      for (const span of spans) span.end();
      done.resolve(value);
    },
    reject(error) {
      for (const span of spans) span.end(error.message);
      done.reject(error);
    },
  };
}

/** The same for a call, whose span lasts until its result is there. */
export function traceCall<T>(tracing: Tracing | undefined, task: NewTask, call: () => Promise<T>): Promise<T> {
  if (!tracing) return call();
  return new Promise((resolve, reject) => {
    const sending = traceSending(tracing, [task], { resolve, reject });
    call().then(sending.resolve, sending.reject);
  });
}

interface Traced {
  readonly taskId: string;
  readonly queue: string;
  readonly delivery: number;
  readonly attempt: number;
  readonly metadata: Readonly<Record<string, string>>;
}

/**
 * Runs each task in a span that is a child of who sent it; what a handler starts is a child of that. Without tracing: as
 * given.
 */
export function traceRuns<T extends Traced>(run: (task: T) => Promise<Report>): (task: T) => Promise<Report> {
  const tracing = findTracing();
  if (!tracing) return run;
  return (task) => {
    const { taskId, queue, delivery, attempt, metadata } = task;
    const numbers = { 'contact.delivery': delivery, 'contact.attempt': attempt };
    const span = tracing.start({
      name: `process ${queue}`,
      kind: SPAN_KIND.consumer,
      attributes: { ...describeMessage('process', queue, taskId), ...numbers },
      parent: metadata,
      isLinked: delivery > 1,
    });
    const running = span.run(() => run(task));
    running.then(
      (report) => span.end(report.kind === 'failed' ? (report.message.error?.message ?? 'failed') : undefined),
      (error: unknown) => span.end(String(error)),
    );
    return running;
  };
}
