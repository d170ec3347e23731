import { createRequire } from 'node:module';
import { isNoId, readTraceparent } from './traceparent.ts';

// Spans of OpenTelemetry, if the program around us has its API installed and a tracer registered; else nothing. The API is no
// dependency, so what is used of it is said here.

interface SpanContext {
  readonly traceId: string;
  readonly spanId: string;
  readonly traceFlags: number;
  readonly traceState?: { serialize(): string } | undefined;
  readonly isRemote?: boolean;
}

interface OtelSpan {
  spanContext(): SpanContext;
  setAttribute(key: string, value: string | number): unknown;
  setStatus(status: { code: number; message?: string }): unknown;
  end(): void;
}

type OtelContext = object;

interface OtelApi {
  readonly ROOT_CONTEXT: OtelContext;
  createTraceState(text: string): { serialize(): string };
  readonly context: { active(): OtelContext; with<T>(context: OtelContext, run: () => T): T };
  readonly trace: {
    getTracerProvider(): { getDelegate?(): object };
    getTracer(name: string): {
      startSpan(name: string, options: object, context: OtelContext): OtelSpan;
    };
    setSpan(context: OtelContext, span: OtelSpan): OtelContext;
    setSpanContext(context: OtelContext, span: SpanContext): OtelContext;
    getSpanContext(context: OtelContext): SpanContext | undefined;
  };
}

/** Kinds of spans, by their numbers in the API. */
export const SPAN_KIND = Object.freeze({ internal: 0, server: 1, client: 2, producer: 3, consumer: 4 });
const STATUS_ERROR = 2;

/** What carries a trace from one program to the next: the metadata of a task. */
export type Carrier = Readonly<Record<string, string>>;

export interface SpanOptions {
  readonly name: string;
  readonly kind: number;
  readonly attributes: Readonly<Record<string, string | number>>;
  /** Whose span the new one is a child of; absent: the one that is active here. */
  readonly parent?: Carrier;
  /** The parent is named as a link too: this is not the first span of its kind. */
  readonly isLinked?: boolean;
  /** When it began, milliseconds since 1970; absent: now. */
  readonly startTime?: number;
}

export interface Span {
  /** Writes the trace into metadata, for the next program. */
  inject(metadata: Record<string, string>): void;
  /** Runs with this span as the active one: spans that are started inside are its children. */
  run<T>(act: () => T): T;
  /** Ends it; `problem`: what went wrong. */
  end(problem?: string): void;
}

export interface Tracing {
  start(options: SpanOptions): Span;
}

/**
 * Undefined: there is no API, or nobody has registered a tracer. It is asked for once by each client and each server that is
 * created, so that everything else costs one look at a constant.
 */
export function findTracing(): Tracing | undefined {
  const api = loadApi();
  if (!api) return undefined;
  const delegate = api.trace.getTracerProvider().getDelegate?.();
  // What the API has of its own while nobody has registered anything.
  if (!delegate || delegate.constructor.name === 'NoopTracerProvider') return undefined;
  const tracer = api.trace.getTracer('contact');
  return {
    start({ name, kind, attributes, parent, isLinked = false, startTime }) {
      const context = parent ? extract(api, parent) : api.context.active();
      const linked = isLinked ? api.trace.getSpanContext(context) : undefined;
      const links = linked ? [{ context: linked }] : [];
      const when = startTime === undefined ? {} : { startTime };
      const span = tracer.startSpan(name, { kind, attributes, links, ...when }, context);
      return {
        inject: (metadata) => inject(span.spanContext(), metadata),
        run: (act) => api.context.with(api.trace.setSpan(context, span), act),
        end(problem) {
          if (problem !== undefined) span.setStatus({ code: STATUS_ERROR, message: problem });
          span.end();
        },
      };
    },
  };
}

/** Where the API keeps what was registered with it, whichever copy of it a program has. */
const REGISTERED = Symbol.for('opentelemetry.js.api.1');

function loadApi(): OtelApi | undefined {
  // It is a hundred modules, and most programs trace nothing.
  if (!(globalThis as { [REGISTERED]?: { readonly trace?: object } })[REGISTERED]?.trace) return undefined;
  try {
    return createRequire(import.meta.url)('@opentelemetry/api') as OtelApi;
  } catch {
    return undefined;
  }
}

/** W3C Trace Context: written and read here, so that nobody has to register a propagator. */
function inject({ traceId, spanId, traceFlags, traceState }: SpanContext, metadata: Record<string, string>): void {
  if (isNoId(traceId) || isNoId(spanId)) return;
  metadata.traceparent = `00-${traceId}-${spanId}-${traceFlags.toString(16).padStart(2, '0')}`;
  const state = traceState?.serialize();
  if (state) metadata.tracestate = state;
}

function extract(api: OtelApi, { traceparent = '', tracestate }: Carrier): OtelContext {
  const read = readTraceparent(traceparent);
  if (!read) return api.ROOT_CONTEXT;
  const traceState = tracestate ? { traceState: api.createTraceState(tracestate) } : {};
  const { traceId, spanId, flags } = read;
  const remote = { traceId, spanId, traceFlags: flags, isRemote: true, ...traceState };
  return api.trace.setSpanContext(api.ROOT_CONTEXT, remote);
}

/** Which of these pairs carry a trace, by their keys. */
export function isOfTrace(key: string): boolean {
  return key === 'traceparent' || key === 'tracestate';
}

/** Attributes of a span about a call, by the semantic conventions for RPC. @param method `pkg.Service/Method` */
export function describeCall(method: string): Record<string, string> {
  const [service = '', name = ''] = method.split('/');
  return { 'rpc.system': 'grpc', 'rpc.service': service, 'rpc.method': name };
}

/** Attributes of a span about a task, by the semantic conventions for messaging. */
export function describeMessage(
  operation: 'send' | 'process' | 'settle' | 'create' | 'deliver',
  queue: string,
  id?: string,
): Record<string, string> {
  return {
    'messaging.system': 'contact',
    'messaging.operation.type': operation,
    'messaging.operation.name': operation,
    'messaging.destination.name': queue,
    ...(id === undefined ? {} : { 'messaging.message.id': id }),
  };
}
