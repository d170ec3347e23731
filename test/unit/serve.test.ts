import assert from 'node:assert/strict';
import { EventEmitter } from 'node:events';
import type { ServerHttp2Stream } from 'node:http2';
import { create, toBinary } from '@bufbuild/protobuf';
import { Metadata, type Server } from '@grpc/grpc-js';
import { ServeRequestSchema } from '../../gen/index.ts';
import { ANONYMOUS } from '../../server/model/caller.ts';
import { createCallEnds } from '../../server/transport/call.ts';
import { noteCaller } from '../../server/transport/callers.ts';
import { registerServe } from '../../server/transport/serve.ts';
import { createCallees } from '../../server/tunnel/callees.ts';
import { silentLogger } from '../../shared/logger.ts';
import { createFakeClock } from '../scene/clock.ts';
import { until } from '../scene/until.ts';

const PATIENCE = { pingIntervalMs: 1_000, slowLineBytesPerSecond: 1_000 };

/** A stream of alice as robot-7, whose handler asks `isFree` whether it may come by that, with who serves as that by then. */
function openStream(isFree: (servedBy: string | undefined) => boolean) {
  const clock = createFakeClock(0);
  const ends = createCallEnds({
    sockets: () => assert.fail(),
    clock,
    logger: silentLogger,
    patience: PATIENCE,
    stuckSocketMs: 1_000,
    heldBudgetBytes: 1 << 20,
  });
  const callees = createCallees();
  const stream = {};
  noteCaller(stream as ServerHttp2Stream, { ...ANONYMOUS, principal: 'token:alice' });
  const metadata = new Metadata();
  metadata.set('contact-client', 'robot-7');
  const statuses: { readonly code: number; readonly details: string }[] = [];
  const call = Object.assign(new EventEmitter(), {
    call: { stream },
    metadata,
    cancelled: false,
    getPeer: () => 'there:1',
    getPath: () => '/S/Serve',
    getDeadline: () => Number.POSITIVE_INFINITY,
    sendMetadata: () => undefined,
    pause: () => undefined,
    resume: () => undefined,
    write: () => true,
    end: () => undefined,
  });
  call.on('error', (status) => statuses.push(status));
  const server = {
    register: (_path: string, handle: (call: unknown) => void) => handle(call),
  } as unknown as Server;
  registerServe(server, {
    callees,
    ends,
    clock,
    patience: PATIENCE,
    maxMessageBytes: 1 << 20,
    isOpenSession: () => false,
    isFree: async (clientId) => isFree(callees.subjectOf(clientId)),
    remember: () => undefined,
    left: () => undefined,
  });
  return {
    callees,
    statuses,
    announce(): void {
      const announce = { methods: ['p.S/M'], ephemeral: true };
      call.emit('data', Buffer.from(toBinary(ServeRequestSchema, create(ServeRequestSchema, { announce }))));
    },
  };
}

describe('registerServe()', () => {
  it('asks whose the client id is once more when others see the stream, and ends it if somebody has come by that since', async () => {
    for (const isStillFree of [true, false]) {
      const asked: (string | undefined)[] = [];
      const { callees, statuses, announce } = openStream((servedBy) => {
        asked.push(servedBy);
        return servedBy === undefined || isStillFree;
      });
      announce();
      await until('it was asked for the last time', () => asked.length === 3);
      assert.deepEqual(asked, [undefined, undefined, 'token:alice']);
      if (isStillFree) {
        assert.deepEqual([statuses, callees.subjectOf('robot-7')], [[], 'token:alice']);
      } else {
        await until('it has ended', () => statuses.length === 1);
        assert.match(statuses[0]!.details, /robot-7 is the client of another principal/);
        assert.equal(callees.subjectOf('robot-7'), undefined);
      }
    }
  });
});
