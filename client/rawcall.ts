import type { DescMethod } from '@bufbuild/protobuf';
import type { Metadata, StatusObject } from '@grpc/grpc-js';
import { methodPath } from '../shared/grpc.ts';
import { drained } from '../shared/streams.ts';
import { cancelCall } from './cancel.ts';
import type { Link } from './connection.ts';

/** A call of any kind, whose messages are bytes both ways. */
export interface RawCall {
  /** Sends a message; resolves once there is room for another one. False: the call is over. */
  send(message: Uint8Array): Promise<boolean>;
  halfClose(): void;
  /** Messages in their order, read at the pace of the loop; it ends with the call, however that ended. */
  messages(): AsyncGenerator<Buffer, void, undefined>;
  /** Initial metadata; undefined: the call ended without. */
  readonly headers: Promise<Metadata | undefined>;
  readonly end: Promise<StatusObject>;
  cancel(): void;
}

export interface RawCallOptions {
  readonly metadata: Metadata;
  /** Milliseconds; undefined: none. */
  readonly deadlineMs?: number;
}

const asBuffer = (bytes: Uint8Array): Buffer => Buffer.from(bytes.buffer, bytes.byteOffset, bytes.byteLength);
const asItIs = (bytes: Buffer): Buffer => bytes;

/**
 * Opens a call over a link. On the wire all four kinds are alike: whoever makes a unary call sends one message, and half-closes.
 */
export function openRawCall(link: Link, method: DescMethod, { metadata, deadlineMs }: RawCallOptions): RawCall {
  const client = link.client(method.parent);
  const options = deadlineMs === undefined ? {} : { deadline: Date.now() + deadlineMs };
  const call = client.makeBidiStreamRequest(methodPath(method), asBuffer, asItIs, metadata, options);
  const headers = Promise.withResolvers<Metadata | undefined>();
  const end = Promise.withResolvers<StatusObject>();
  call.on('metadata', headers.resolve);
  // Without a listener an error would be thrown at the process; the status says the same.
  call.on('error', () => undefined);
  call.on('status', (status: StatusObject) => {
    headers.resolve(undefined);
    end.resolve(status);
  });
  return {
    async send(message) {
      if (call.destroyed || call.writableEnded) return false;
      return call.write(message as Buffer) || drained(call);
    },
    halfClose: () => void call.end(),
    async *messages() {
      try {
        for await (const message of call) yield message as Buffer;
      } catch (failure) {
        if (!(failure instanceof Error && 'details' in failure)) throw failure;
      }
      await end.promise;
    },
    headers: headers.promise,
    end: end.promise,
    cancel: () => cancelCall(call),
  };
}
