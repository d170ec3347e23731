import { describeCall, findTracing, isOfTrace, SPAN_KIND } from '../../shared/tracing.ts';
import type { Open } from '../../tunnel/frame.ts';

/** Runs what answers a call; the promise never rejects, and tells what the handler has thrown. */
export type TraceAnswer = (open: Open, answer: () => Promise<void>) => Promise<void>;

/**
 * Runs the handler of each call in a span that is a child of what its caller, or the server, has sent along; what the handler
 * starts is a child of that. Undefined: nobody traces.
 */
export function traceAnswers(): TraceAnswer | undefined {
  const tracing = findTracing();
  if (!tracing) return undefined;
  return ({ method, metadata }, answer) => {
    const parent = Object.fromEntries(
      metadata.flatMap(({ key, value }) => (isOfTrace(key) && typeof value === 'string' ? [[key, value]] : [])),
    );
    const span = tracing.start({
      name: `answer ${method}`,
      kind: SPAN_KIND.server,
      attributes: describeCall(method),
      parent,
    });
    const answered = span.run(answer);
    answered.then(
      () => span.end(),
      (error: unknown) => span.end(error instanceof Error ? error.message : String(error)),
    );
    return answered;
  };
}
