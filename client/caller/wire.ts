import type { Metadata, StatusObject } from '@grpc/grpc-js';
import { ReverseService } from '../../gen/contact/v1/reverse_pb.ts';
import { cancelCall } from '../cancel.ts';
import type { Link } from '../connection.ts';
import { resetWithoutEnd } from '../internals.ts';

/** One try to make a call: a stream of messages each way, whatever kind of RPC it is. */
export interface Wire {
  readonly isOver: boolean;
  /** Its status; never rejects. */
  readonly ended: Promise<StatusObject>;
  /** Sends a message; resolves when the connection has taken it, or the call is over. */
  send(message: Buffer): Promise<void>;
  /** There are no more messages to be sent. */
  halfClose(): void;
  /** Messages as they come, read at the pace of the loop. They end when the call does, however it ends. */
  messages(): AsyncGenerator<Buffer, void, undefined>;
  cancel(): void;
}

export interface WireOptions {
  readonly link: Link;
  /** `/pkg.Service/Method` */
  readonly path: string;
  readonly metadata: Metadata;
  /** Milliseconds; undefined: none that a timer of gRPC can keep. */
  readonly deadlineMs: number | undefined;
  readonly onHeaders: (headers: Metadata) => void;
}

const asItIs = (bytes: Buffer): Buffer => bytes;

export function openWire({ link, path, metadata, deadlineMs, onHeaders }: WireOptions): Wire {
  const options = deadlineMs === undefined ? {} : { deadline: Date.now() + deadlineMs };
  // Any client of the link does: the path says which service is meant.
  const call = link.client(ReverseService).makeBidiStreamRequest(path, asItIs, asItIs, metadata, options);
  const ended = Promise.withResolvers<StatusObject>();
  let isOver = false;
  /** Its callee will not take requests that broke off for all. */
  let _isGuarded = false;
  // A call that is over drops the callback of a write.
  let taken = (): void => undefined;
  call.on('metadata', onHeaders);
  // Without a listener it would be thrown at the process; the status says the same.
  call.on('error', () => undefined);
  call.on('status', (status: StatusObject) => {
    isOver = true;
    taken();
    ended.resolve(status);
  });
  return {
    get isOver() {
      return isOver;
    },
    ended: ended.promise,
    send(message) {
      if (isOver) return Promise.resolve();
      return new Promise((resolve) => {
        taken = resolve;
        call.write(message, undefined, () => {
          _isGuarded ||= resetWithoutEnd(call);
          resolve();
        });
      });
    },
    halfClose() {
      if (!isOver) call.end();
    },
    async *messages() {
      try {
        // It ends with the call's own error; what came before that is read.
        for await (const message of call.iterator({ destroyOnReturn: false })) yield message as Buffer;
      } catch {}
    },
    cancel() {
      if (!isOver) cancelCall(call);
    },
  };
}

/** Metadata to be sent: that of the connection, and `pairs`, which replace what it has of a key. */
export function addPairs(
  metadata: Metadata,
  pairs: readonly { readonly key: string; readonly value: string | Buffer }[],
): Metadata {
  for (const { key } of pairs) metadata.remove(key);
  for (const { key, value } of pairs) metadata.add(key, value);
  return metadata;
}
