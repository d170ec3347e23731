import assert from 'node:assert/strict';
import { status } from '@grpc/grpc-js';
import { AdminService, TaskService } from '../../gen/index.ts';
import { methodPath } from '../../shared/grpc.ts';
import { dial, frame, open, readEnd } from '../scene/http2.ts';
import { prepareAttacks, scale } from './attack.ts';

/** Field 1 as a message or text of no bytes, that often: 6 MB that would become as many objects. */
const REPEATED = frame(Buffer.alloc(6_000_000, Buffer.from([0x0a, 0])));

describe('attack by requests', () => {
  const attack = prepareAttacks();

  for (const method of [
    TaskService.method.enqueueTasks,
    TaskService.method.streamEnqueue,
    TaskService.method.cancelTasks,
    AdminService.method.listClients,
  ]) {
    it(`three million fields in one message: ${method.name}`, async function () {
      await attack(this, async (server) => {
        const session = dial(server);
        const ends = Array.from({ length: scale(5, 50) }, () => {
          const stream = open(session, methodPath(method));
          stream.end(REPEATED);
          return readEnd(stream);
        });
        for (const { code } of await Promise.all(ends)) assert.equal(code, status.RESOURCE_EXHAUSTED);
        session.destroy();
      });
    });
  }
});
