/** Whose child a span is, as `traceparent` says it (W3C Trace Context). */
export interface TraceParent {
  readonly traceId: string;
  readonly spanId: string;
  readonly flags: number;
}

const VERSION_0 = '00';
/** Of later versions the first four fields are these too; what follows is not ours to read. */
const FORM = /^([0-9a-f]{2})-([0-9a-f]{32})-([0-9a-f]{16})-([0-9a-f]{2})(-.*)?$/;
const NO_ID = /^0+$/;
/** The one flag that a later version has to keep. */
const SAMPLED = 1;

/** Undefined: it is none, and whoever reads it begins a trace of its own. */
export function readTraceparent(text: string): TraceParent | undefined {
  const [, version, traceId, spanId, flags = '', rest] = FORM.exec(text) ?? [];
  if (traceId === undefined || spanId === undefined || isNoId(traceId) || isNoId(spanId)) return undefined;
  if (version === 'ff' || (version === VERSION_0 && rest !== undefined)) return undefined;
  const bits = Number.parseInt(flags, 16);
  return { traceId, spanId, flags: version === VERSION_0 ? bits : bits & SAMPLED };
}

/** An id of zeros alone is none. */
export function isNoId(id: string): boolean {
  return NO_ID.test(id);
}
