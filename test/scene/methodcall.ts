import {
  create,
  type DescMethod,
  fromBinary,
  type MessageInitShape,
  type MessageShape,
  toBinary,
} from '@bufbuild/protobuf';
import { Client, credentials, Metadata, type StatusObject, status } from '@grpc/grpc-js';
import { methodPath } from '../../shared/grpc.ts';

/** What a call came to: the name of its code, or OK once `isEnough` has what it asks for. */
export interface MethodReply {
  readonly code: string;
  readonly details: string;
  readonly metadata: Metadata;
  // biome-ignore lint/suspicious/noExplicitAny: the answers of whichever method it was.
  readonly answers: readonly any[];
}

export interface MethodCall {
  readonly requests: readonly MessageInitShape<DescMethod['input']>[];
  readonly headers?: Readonly<Record<string, string>>;
  /** A stream that would go on is left once so many answers have come; default: it goes to its end. */
  readonly answers?: number;
}

/** Calls any method, of whatever kind: on the wire each is a stream of messages both ways. Over a connection of its own. */
export function callMethod(address: string, method: DescMethod, call: MethodCall): Promise<MethodReply> {
  const { requests, headers = {}, answers: wanted = Number.POSITIVE_INFINITY } = call;
  const client = new Client(address, credentials.createInsecure(), { 'grpc.use_local_subchannel_pool': 1 });
  const metadata = new Metadata();
  for (const [key, value] of Object.entries(headers)) metadata.set(key, value);
  const write = (init: MessageInitShape<DescMethod['input']>): Buffer =>
    Buffer.from(toBinary(method.input, create(method.input, init)));
  const read = (bytes: Buffer): MessageShape<DescMethod['output']> => fromBinary(method.output, bytes);
  return new Promise((resolve) => {
    const answers: MessageShape<DescMethod['output']>[] = [];
    const stream = client.makeBidiStreamRequest(methodPath(method), write, read, metadata, {
      deadline: Date.now() + 20_000,
    });
    let isEnough = false;
    stream.on('error', () => undefined);
    stream.on('data', (answer) => {
      answers.push(answer);
      isEnough ||= answers.length >= wanted;
      if (isEnough) stream.cancel();
    });
    stream.on('status', ({ code, details, metadata: trailers }: StatusObject) => {
      client.close();
      resolve({ code: isEnough ? 'OK' : status[code]!, details, metadata: trailers, answers });
    });
    for (const request of requests) stream.write(request);
    if (wanted === Number.POSITIVE_INFINITY || method.methodKind !== 'bidi_streaming') stream.end();
  });
}
