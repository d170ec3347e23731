/** Of an answer that is a page: a quarter of what stock clients take. */
const MAX_PAGE_BYTES = 1 << 20;

/** Of a field or an item on the wire beside its bytes: tag and length. */
const OVERHEAD_BYTES = 8;

export interface Page<T, V> {
  readonly items: T[];
  /** The last one in it. */
  readonly last: V | undefined;
  /** More of `views` are left. */
  readonly isCut: boolean;
}

/** As many of `views`, written, as a page has room for; one that is larger than that goes alone. */
export function cutPage<V, T>(views: readonly V[], write: (view: V) => T): Page<T, V> {
  const items: T[] = [];
  let bytes = 0;
  for (const view of views) {
    const item = write(view);
    bytes += weigh(item);
    if (items.length > 0 && bytes > MAX_PAGE_BYTES) return { items, last: views[items.length - 1], isCut: true };
    items.push(item);
  }
  return { items, last: views.at(-1), isCut: false };
}

/** About the bytes of a message on the wire, rather more than fewer. */
function weigh(value: unknown): number {
  if (typeof value === 'string') return OVERHEAD_BYTES + Buffer.byteLength(value);
  if (value instanceof Uint8Array) return OVERHEAD_BYTES + value.byteLength;
  if (typeof value !== 'object' || value === null) return OVERHEAD_BYTES;
  let bytes = OVERHEAD_BYTES;
  // A map has its keys on the wire too; the names of fields are short.
  for (const [key, part] of Object.entries(value)) bytes += (Array.isArray(value) ? 0 : key.length) + weigh(part);
  return bytes;
}
