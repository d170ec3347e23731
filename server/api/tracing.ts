import { describeMessage, findTracing, SPAN_KIND } from '../../shared/tracing.ts';
import type { Enqueue } from './enqueue.ts';

/**
 * The same, with a span for each task that carries a trace, from when it has come until it is committed. What comes after it
 * is a child of that span. Without tracing: as given.
 */
export function traceStoring(enqueue: Enqueue): Enqueue {
  const tracing = findTracing();
  if (!tracing) return enqueue;
  return async (tasks, caller, field) => {
    const spans = tasks.flatMap(({ id, queue, metadata }) => {
      if (metadata.traceparent === undefined) return [];
      const attributes = describeMessage('create', queue, id);
      const span = tracing.start({ name: `store ${queue}`, kind: SPAN_KIND.internal, attributes, parent: metadata });
      span.inject(metadata);
      return [span];
    });
    try {
      const outcomes = await enqueue(tasks, caller, field);
      for (const span of spans) span.end();
      return outcomes;
    } catch (error) {
      for (const span of spans) span.end(error instanceof Error ? error.message : String(error));
      throw error;
    }
  };
}
