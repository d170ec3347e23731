import { create } from '@bufbuild/protobuf';
import type * as grpc from '@grpc/grpc-js';
import { AckSchema, ServerMessageSchema } from './gen/control_pb.ts';

/** How often an idle client is pinged: contact's default. */
const PING_MS = Number(process.env.CONTROL_PING_MS ?? 5_000);

type Listening = grpc.ServerWritableStream<unknown, unknown>;
type Reporting = grpc.ServerDuplexStream<unknown, unknown>;

/**
 * The two streams of a client that has nothing to do, as bare grpc-js holds them: one down, pinged now and then, and
 * one up, on which each ping is answered. No pairing, no liveness, no timers per client.
 */
export function addIdleStreams(): { listen(call: Listening): void; report(call: Reporting): void } {
  const listening = new Set<Listening>();

  function ping(): void {
    const message = create(ServerMessageSchema, { pong: 'ping' });
    for (const call of listening) call.write(message);
  }

  setInterval(ping, PING_MS);
  return {
    listen(call) {
      listening.add(call);
      call.on('cancelled', () => listening.delete(call));
      // The client counts as connected once it has heard something.
      call.write(create(ServerMessageSchema, {}));
    },
    report(call) {
      call.on('data', () => {});
      call.on('end', () => call.end());
      call.write(create(AckSchema, {}));
    },
  };
}
