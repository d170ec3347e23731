import { ContactError } from '../../shared/errors.ts';
import { describeCall, findTracing, isOfTrace, SPAN_KIND, type Span } from '../../shared/tracing.ts';
import type { Wanted } from './options.ts';

/** A call that is traced. */
export interface TracedCall {
  /** What is called for, with the trace in its metadata. */
  readonly wanted: Wanted;
  /** Ends the span as the call has ended. */
  until<T>(answer: Promise<T>): Promise<T>;
  /** The first end counts. */
  end(error?: unknown): void;
}

/**
 * A span for each call, from its beginning until its last answer, however often it is made. One that has a `traceparent` of
 * its own in its metadata is a child of that, else of the span that is active. Undefined: nobody traces.
 */
export function traceCalls(): ((path: string, wanted: Wanted) => TracedCall) | undefined {
  const tracing = findTracing();
  if (!tracing) return undefined;
  return (path, wanted) => {
    const given = wanted.pairs.filter(({ key }) => isOfTrace(key));
    const own = Object.fromEntries(given.map(({ key, value }) => [key, String(value)]));
    const span = tracing.start({
      name: `call ${path.slice(1)}`,
      kind: SPAN_KIND.client,
      attributes: describeCall(path.slice(1)),
      ...(own.traceparent === undefined ? {} : { parent: own }),
    });
    let isOver = false;
    const end = (error?: unknown): void => {
      if (!isOver) span.end(error === undefined ? undefined : messageOf(error));
      isOver = true;
    };
    return {
      wanted: { ...wanted, pairs: [...wanted.pairs.filter(({ key }) => !isOfTrace(key)), ...carrierOf(span)] },
      end,
      async until(answer) {
        try {
          const answered = await answer;
          end();
          return answered;
        } catch (error) {
          end(error);
          throw error;
        }
      },
    };
  };
}

function carrierOf(span: Span): Wanted['pairs'] {
  const carrier = Object.create(null) as Record<string, string>;
  span.inject(carrier);
  return Object.entries(carrier).map(([key, value]) => ({ key, value }));
}

function messageOf(error: unknown): string {
  return error instanceof ContactError ? `${error.code}: ${error.message}` : String(error);
}
