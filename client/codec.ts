/** Turns values into bytes and back; used for payloads on their way to a worker and for results on their way back. */
export interface Codec<In, Out = In> {
  /** Media type of what `encode` makes. */
  readonly contentType: string;
  /** The bytes of a value; what it throws is the error of `enqueue()`, or fails the task with INVALID_RESULT. */
  encode(value: In): Uint8Array;
  /** The value of bytes that came with a media type. `bytes` may be a view into a larger buffer: copy what outlives the call. */
  decode(bytes: Uint8Array, contentType: string): Out;
}

const decoder = new TextDecoder();

// Copies are made with `new Uint8Array(bytes)`: what comes off the wire is a Buffer, whose `slice()` is a view.

function isJson(contentType: string): boolean {
  const mediaType = contentType.split(';', 1)[0]!.trim().toLowerCase();
  return mediaType === 'application/json' || mediaType.endsWith('+json');
}

/**
 * The default codec. What came with another content type is not guessed at: `text/*` decodes to a string, anything else
 * to its bytes. A value that JSON would replace by null or {} is refused: a function, a symbol, NaN, a Map, a Promise,
 * bytes. Inside of an object or an array they become what `JSON.stringify` makes of them, for looking at every field
 * costs more than the rest of a task. A handler that answers `undefined` answers null; as a payload it is refused.
 */
export const json: Codec<unknown> = {
  contentType: 'application/json',
  encode(value) {
    const text = JSON.stringify(value);
    if (isLost(value, text)) throw new TypeError(`JSON has no form for ${nameOf(value)}`);
    return Buffer.from(text ?? 'null');
  },
  decode: (bytes, contentType) => {
    if (isJson(contentType)) return bytes.length === 0 ? null : JSON.parse(decoder.decode(bytes));
    return contentType.startsWith('text/') ? decoder.decode(bytes) : new Uint8Array(bytes);
  },
};

/** Whether a reader would get something else than what was given. */
function isLost(value: unknown, text: string | undefined): boolean {
  if (text === undefined) return value !== undefined;
  if (text === 'null') return typeof value === 'number' || value instanceof Date;
  if (typeof value !== 'object' || value === null) return false;
  if (typeof (value as { readonly toJSON?: unknown }).toJSON === 'function') return false;
  // What such an object has is in none of its own fields.
  return ArrayBuffer.isView(value) || (text === '{}' && tagOf(value) !== 'Object');
}

function nameOf(value: unknown): string {
  if (typeof value === 'number') return String(value);
  return typeof value === 'object' && value !== null
    ? `an object (${tagOf(value)})`
    : `a value of type ${typeof value}`;
}

function tagOf(value: object): string {
  return Object.prototype.toString.call(value).slice('[object '.length, -1);
}

/** Bytes as they are, copied both ways; a string is encoded as UTF-8. */
export const bytes: Codec<Uint8Array | string, Uint8Array> = {
  contentType: 'application/octet-stream',
  encode: (value) => Buffer.from(value),
  decode: (value) => new Uint8Array(value),
};
