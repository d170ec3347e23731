/** Turns values into bytes and back; used for payloads on their way to a worker and for results on their way back. */
export interface Codec<In, Out = In> {
  /** Media type of what `encode` makes. */
  readonly contentType: string;
  encode(value: In): Uint8Array;
  /** `bytes` may be a view into a larger buffer: copy what is kept. */
  decode(bytes: Uint8Array, contentType: string): Out;
}

const decoder = new TextDecoder();

// Copies are made with `new Uint8Array(bytes)`: what comes off the wire is a Buffer, whose `slice()` is a view.

function isJson(contentType: string): boolean {
  const mediaType = contentType.split(';', 1)[0]!.trim().toLowerCase();
  return mediaType === 'application/json' || mediaType.endsWith('+json');
}

/**
 * The default. What came with another content type is not guessed at: `text/*` decodes to a string, anything else to
 * its bytes. `undefined` travels as null.
 */
export const json: Codec<unknown> = {
  contentType: 'application/json',
  encode: (value) => Buffer.from(JSON.stringify(value) ?? 'null'),
  decode: (bytes, contentType) => {
    if (isJson(contentType)) return bytes.length === 0 ? null : JSON.parse(decoder.decode(bytes));
    return contentType.startsWith('text/') ? decoder.decode(bytes) : new Uint8Array(bytes);
  },
};

/** Bytes as they are, copied both ways; a string is encoded as UTF-8. */
export const bytes: Codec<Uint8Array | string, Uint8Array> = {
  contentType: 'application/octet-stream',
  encode: (value) => Buffer.from(value),
  decode: (value) => new Uint8Array(value),
};
