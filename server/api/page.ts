/** Bytes of an answer that is a page: a quarter of what stock clients take. */
const MAX_PAGE_BYTES = 1 << 20;

/** What a field or an item costs on the wire beside its bytes: tag and length. */
const OVERHEAD_BYTES = 8;

/** A message that is heavier is remembered: lighter ones are weighed as quickly. */
const LIGHT_BYTES = 128;

export interface Page<T, V> {
  readonly items: T[];
  /** The last view that is in the page. */
  readonly last: V | undefined;
  /** Some of `views` did not fit. */
  readonly isCut: boolean;
}

/** As many of `views`, written, as fit into a page; one that is larger than a page goes alone. */
export function cutPage<V, T>(views: readonly V[], write: (view: V) => T): Page<T, V> {
  const items: T[] = [];
  // What several items share, as why they wait, is weighed once.
  const known = new Map<object, number>();
  let bytes = 0;
  for (const view of views) {
    const item = write(view);
    bytes += weigh(item, known);
    if (items.length > 0 && bytes > MAX_PAGE_BYTES) return { items, last: views[items.length - 1], isCut: true };
    items.push(item);
  }
  return { items, last: views.at(-1), isCut: false };
}

/** About the bytes of a message on the wire, rather more than fewer. */
function weigh(value: unknown, known: Map<object, number>): number {
  if (typeof value === 'string') return OVERHEAD_BYTES + Buffer.byteLength(value);
  if (value instanceof Uint8Array) return OVERHEAD_BYTES + value.byteLength;
  if (typeof value !== 'object' || value === null) return OVERHEAD_BYTES;
  const before = known.size > 0 ? known.get(value) : undefined;
  if (before !== undefined) return before;
  let bytes = OVERHEAD_BYTES;
  if (Array.isArray(value)) {
    for (const part of value) bytes += weigh(part, known);
    return bytes;
  }
  // A map has its keys on the wire too; the names of fields are short. Not by pairs, which cost more than all the rest.
  for (const key of Object.keys(value)) bytes += key.length + weigh(value[key as keyof typeof value], known);
  if (bytes > LIGHT_BYTES && '$typeName' in value) known.set(value, bytes);
  return bytes;
}
