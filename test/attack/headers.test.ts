import assert from 'node:assert/strict';
import { gzipSync } from 'node:zlib';
import { create, toBinary } from '@bufbuild/protobuf';
import { status } from '@grpc/grpc-js';
import { health, TaskService } from '../../gen/index.ts';
import { methodPath } from '../../shared/grpc.ts';
import { dial, frame, open, readEnd } from '../scene/http2.ts';
import { prepareAttacks, scale } from './attack.ts';

const LIST = methodPath(TaskService.method.listTasks);
const ENQUEUE = methodPath(TaskService.method.enqueueTasks);
const CHECK = methodPath(health.Health.method.check);

const LONG = 20_000;
const UNPACKED_BYTES = 6_000_000;

describe('attack by headers and names', () => {
  const attack = prepareAttacks();

  it('messages that unpack to a thousand times their size', async function () {
    await attack(this, async (server) => {
      const session = dial(server);
      const bomb = frame(gzipSync(Buffer.alloc(UNPACKED_BYTES)), true);
      const ends = Array.from({ length: scale(300, 3_000) }, () => {
        const stream = open(session, ENQUEUE, { 'grpc-encoding': 'gzip' });
        stream.end(bomb);
        return readEnd(stream);
      });
      for (const { code } of await Promise.all(ends)) assert.notEqual(code, status.OK);
      session.destroy();
    });
  });

  it('health checks of services with endless names, beside calls on the same connection', async function () {
    await attack(this, async (server) => {
      const session = dial(server);
      for (let n = 0; n < scale(50, 500); n++) {
        const service = ['x', '%', '\u4e16'][n % 3]!.repeat(LONG);
        const check = open(session, CHECK);
        const request = create(health.HealthCheckRequestSchema, { service });
        check.end(frame(toBinary(health.HealthCheckRequestSchema, request)));
        const neighbour = open(session, LIST);
        neighbour.end(frame(Buffer.alloc(0)));
        const [refused, answered] = await Promise.all([readEnd(check), readEnd(neighbour)]);
        assert.equal(refused.code, status.NOT_FOUND);
        assert.equal(answered.code, status.OK);
      }
      session.destroy();
    });
  });

  it('paths without an end that no method has', async function () {
    await attack(this, async (server) => {
      const session = dial(server);
      for (let n = 0; n < scale(200, 2_000); n++) {
        const stream = open(session, `/${['x', '%', '/'][n % 3]!.repeat(LONG)}`);
        stream.end(frame(Buffer.alloc(0)));
        assert.equal((await readEnd(stream)).code, status.UNIMPLEMENTED);
      }
      session.destroy();
    });
  });

  it('timeouts longer than any timer', async function () {
    await attack(this, async (server) => {
      const session = dial(server);
      for (let n = 0; n < scale(50, 500); n++) {
        const timeout = ['2147484S', '2147483648m', '99999999H', '99999999M', '597H'][n % 5]!;
        const stream = open(session, LIST, { 'grpc-timeout': timeout });
        stream.end(frame(Buffer.alloc(0)));
        const { code } = await readEnd(stream);
        // Ten digits are two more than the protocol has.
        assert.equal(code === status.OK, timeout.length <= 9, timeout);
      }
      session.destroy();
    });
  });
});
