import type { ClientHttp2Stream } from 'node:http2';

// The private fields of grpc-js that a client reads, in one place: whoever raises its version reads this file beside it.

/** What grpc-js keeps behind a call, from what its program is given down to the stream of HTTP/2. */
interface Layer {
  readonly call?: Layer;
  readonly nextCall?: Layer;
  readonly child?: Layer;
  readonly underlyingCalls?: readonly { readonly call: Layer }[];
  readonly http2Stream?: ClientHttp2Stream;
}

const MAX_LAYERS = 10;

/** The HTTP/2 stream of a call; undefined: it has none yet, or this version of grpc-js keeps it elsewhere. */
export function streamOf(call: object): ClientHttp2Stream | undefined {
  let layer: Layer | undefined = call;
  for (let depth = 0; layer && depth < MAX_LAYERS; depth++) {
    if (layer.http2Stream) return layer.http2Stream;
    layer = layer.call ?? layer.nextCall ?? layer.child ?? layer.underlyingCalls?.at(-1)?.call;
  }
  return undefined;
}

/**
 * Has a call that is cancelled, or whose deadline passes, reset its stream and not end it first, as Node.js does by itself: who
 * reads the requests at the other end would take those that broke off for all. Answers whether it has; not before a message was
 * taken.
 */
export function resetWithoutEnd(call: object): boolean {
  const stream = streamOf(call);
  if (!stream || Object.hasOwn(stream, 'close')) return stream !== undefined;
  const close = stream.close;
  stream.close = (code, onClosed) => {
    if (!stream.writableEnded) stream.end = () => stream;
    close.call(stream, code, onClosed);
  };
  return true;
}
