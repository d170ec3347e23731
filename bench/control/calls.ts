import { Buffer } from 'node:buffer';
import type { Bytes, DownRequest } from './gen/control_pb.ts';

// What answers calls of `control.Calls`, in a client of contact and in a server of bare grpc-js alike.

/** Handlers over plain iterables, as `worker.serve()` takes them. */
export function createCalls() {
  let calls = 0n;
  return {
    echo(request: Bytes) {
      calls += 1n;
      return request;
    },
    async *down({ messages, bytes }: DownRequest) {
      for (let at = 0; at < messages; at += 1) {
        const data = Buffer.alloc(bytes);
        data.writeUInt32BE(at);
        yield { data };
      }
    },
    async up(requests: AsyncIterable<Bytes>) {
      let messages = 0;
      let bytes = 0;
      for await (const { data } of requests) {
        messages += 1;
        bytes += data.byteLength;
      }
      return { messages, bytes: BigInt(bytes) };
    },
    countCalls: () => ({ calls }),
  };
}
