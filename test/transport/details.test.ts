import assert from 'node:assert/strict';
import { anyPack, anyUnpack, StringValueSchema } from '@bufbuild/protobuf/wkt';
import { Metadata, status } from '@grpc/grpc-js';
import {
  CallError,
  createAdmin,
  createCaller,
  createObserver,
  createProducer,
  createWorker,
  TaskFailed,
  TaskFailure,
} from '../../client/index.ts';
import { resultToJson, taskToJson } from '../../json/task.ts';
import { Echo } from '../echo/gen/echo_pb.ts';
import { startCallee } from '../scene/callers.ts';
import { createEcho } from '../scene/echo.ts';
import { closeScene, use, useWorker } from '../scene/end.ts';
import { writeStatus } from '../scene/rpcstatus.ts';
import { connectTo, startScene } from '../scene/server.ts';

const DETAILS = new Uint8Array([8, 5, 18, 2, 110, 111]);

/** As it is printed. */
const plain = (value: unknown): unknown => JSON.parse(JSON.stringify(value));

describe('the details of a failure', () => {
  afterEach(closeScene);

  it('go from the handler of a durable call to whoever asks for its answer', async () => {
    const scene = await startScene({ isDurable: true });
    const detail = anyPack(StringValueSchema, { $typeName: 'google.protobuf.StringValue', value: 'why' });
    await startCallee(scene.address, {
      ...createEcho(),
      unary({ body }) {
        if (body.byteLength === 0) return { body };
        const metadata = new Metadata();
        metadata.set('grpc-status-details-bin', writeStatus(status.NOT_FOUND, 'no', detail));
        throw Object.assign(new Error('no'), { code: status.NOT_FOUND, metadata });
      },
    });
    const caller = use(createCaller(connectTo(scene.address)));
    const { taskId, answer } = await caller.keep(Echo.method.unary, { body: Buffer.from('x') });
    for (const each of [0, 1]) {
      if (each === 1) await scene.restart();
      const error = await answer({ deadlineMs: 20_000 }).catch((thrown: unknown) => thrown);
      assert.ok(error instanceof CallError);
      assert.deepEqual([error.code, error.taskState], ['NOT_FOUND', 'failed']);
      assert.equal(anyUnpack(error.details[0]!, StringValueSchema)?.value, 'why');
    }
    const task = await use(createAdmin(connectTo(scene.address))).describeTask(taskId);
    assert.deepEqual(plain(taskToJson(task, true).error), {
      code: 'NOT_FOUND',
      message: 'no',
      details: writeStatus(status.NOT_FOUND, 'no', detail).toString('base64'),
    });
  });

  it('are left out when they are too large, and the rest of the failure is kept', async () => {
    const { address } = await startScene();
    const handler = (size: number) => {
      const details = size === 0 ? DETAILS : new Uint8Array(size);
      throw new TaskFailure('broken', { code: 'MINE', retry: 'never', details });
    };
    useWorker(createWorker({ ...connectTo(address), queues: ['q'], handler }));
    const producer = use(createProducer(connectTo(address)));
    const failed = async (size: number) => {
      const error = await producer.call('q', size).catch((thrown: unknown) => thrown);
      assert.ok(error instanceof TaskFailed);
      return error.error;
    };
    assert.deepEqual(await failed(0), { code: 'MINE', message: 'broken', details: DETAILS });
    assert.equal((await failed(4_096))?.details?.byteLength, 4_096);
    assert.deepEqual(await failed(4_097), { code: 'MINE', message: 'broken' });
    const observer = use(createObserver(connectTo(address)));
    const shown: unknown[] = [];
    for await (const result of observer.results({ from: 'beginning', follow: false })) {
      shown.push(plain(resultToJson(result).error));
    }
    assert.deepEqual(shown[0], { code: 'MINE', message: 'broken', details: Buffer.from(DETAILS).toString('base64') });
    assert.deepEqual(shown[2], { code: 'MINE', message: 'broken' });
  });
});
