import { CODE_NAMES } from '../../shared/errors.ts';
import { describeCall, findTracing, isOfTrace, SPAN_KIND } from '../../shared/tracing.ts';
import type { Pair } from '../../tunnel/frame.ts';
import type { Caller } from './caller.ts';
import type { LiveCalls } from './live.ts';

/**
 * The same, with a span for each call that carries a trace, from when its headers have come until its caller is told the end.
 * Its callee is told that span in place of the caller's. Without tracing: as given.
 */
export function traceLive(calls: LiveCalls): LiveCalls {
  const tracing = findTracing();
  if (!tracing) return calls;
  return {
    ...calls,
    begin(caller) {
      const parent = carrierOf(caller.metadata);
      if (parent.traceparent === undefined) return calls.begin(caller);
      const { method } = caller;
      const span = tracing.start({
        name: `relay ${method}`,
        kind: SPAN_KIND.internal,
        attributes: describeCall(method),
        parent,
      });
      const carrier = Object.create(null) as Record<string, string>;
      span.inject(carrier);
      const rest = caller.metadata.filter(({ key }) => !isOfTrace(key));
      const traced: Caller = {
        ...caller,
        metadata: [...rest, ...Object.entries(carrier).map(([key, value]) => ({ key, value }))],
        end(end) {
          span.end(end.code === 0 ? undefined : (CODE_NAMES[end.code] ?? `code ${end.code}`));
          caller.end(end);
        },
      };
      return calls.begin(traced);
    },
  };
}

function carrierOf(metadata: readonly Pair[]): Record<string, string> {
  const pairs = metadata.filter(({ key, value }) => isOfTrace(key) && typeof value === 'string');
  return Object.fromEntries(pairs.map(({ key, value }) => [key, value as string]));
}
