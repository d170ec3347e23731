import assert from 'node:assert/strict';
import { create } from '@bufbuild/protobuf';
import { bytes, type Codec, json } from '../../client/codec.ts';
import { WorkerDelivery } from '../../client/delivery.ts';
import { TaskFailure, TaskRelease } from '../../client/failure.ts';
import type { Handler } from '../../client/handler.ts';
import { buildTask } from '../../client/newtask.ts';
import { deliveryKey, type Report } from '../../client/outbox.ts';
import { reportEnd, runTask } from '../../client/task.ts';
import { cutText } from '../../client/text.ts';
import { Workload } from '../../client/workload.ts';
import { AssignmentSchema, LimitsSchema, Retry } from '../../gen/contact/v1/contact_pb.ts';
import { ContactError } from '../../shared/errors.ts';

const LIMITS = create(LimitsSchema, { maxResultBytes: 100, maxCheckpointBytes: 10 });
const NO_LISTENER = { progressed: () => {}, checkpointed: () => {}, logged: () => {} };

function assign(taskId: string, payload = 'null', delivery = 1) {
  return create(AssignmentSchema, {
    taskId,
    delivery,
    attempt: 1,
    maxAttempts: 2,
    queue: 'q',
    payload: new TextEncoder().encode(payload),
    contentType: 'application/json',
  });
}

async function run(handler: Handler<unknown, unknown>, payload?: string): Promise<Report> {
  const task = new WorkerDelivery(assign('t', payload), LIMITS, NO_LISTENER);
  task.state = 'running';
  return runTask(task, handler, json, LIMITS);
}

/** What a report says, in short. */
function tell(report: Report): string {
  if (report.kind === 'succeeded') return new TextDecoder().decode(report.message.result);
  if (report.kind !== 'failed') return report.kind;
  const { error, retry, retryAfterMs } = report.message;
  return `${error?.code}: ${error?.message} (${retry}${retry === Retry.AFTER ? ` ${retryAfterMs}` : ''})`;
}

describe('runTask()', () => {
  it('reports what the handler answers, decoded and encoded', async () => {
    assert.equal(tell(await run((payload) => (payload as number) + 1, '41')), '42');
    assert.equal(tell(await run(async () => undefined)), 'null');
  });

  it('reports what the handler throws, with its advice', async () => {
    const fail = (error: unknown) => run(() => Promise.reject(error)).then(tell);
    assert.equal(await fail(new Error('broken')), ': broken (0)');
    assert.equal(await fail('text'), ': text (0)');
    assert.equal(await fail(new TaskFailure('bad', { code: 'BAD', retry: 'never' })), 'BAD: bad (1)');
    assert.equal(await fail(new TaskFailure('later', { retry: { afterMs: 1.5 } })), ': later (2 2)');
  });

  it('does not enter the handler with a payload that cannot be decoded', async () => {
    const report = await run(() => assert.fail('entered'), '{');
    assert.match(tell(report), /^INVALID_PAYLOAD: payload: .* \(1\)$/);
  });

  it('fails for good with a result that cannot be sent', async () => {
    assert.match(tell(await run(() => 1n)), /^INVALID_RESULT: .* \(1\)$/);
    assert.match(tell(await run(() => 'x'.repeat(99))), /^TOO_LARGE: result: 101 bytes, .* at most 100 \(1\)$/);
  });

  it('gives back what its stop interrupts, as untouched if the handler says so', async () => {
    const task = new WorkerDelivery(assign('a'), LIMITS, NO_LISTENER);
    task.abort('stop', 'the worker stops');
    assert.equal(reportEnd(task).kind, 'untouched');
    for (const [thrown, kind] of [
      [new TaskRelease('no room'), 'untouched'],
      [new Error('half way'), 'released'],
    ] as const) {
      const stopped = new WorkerDelivery(assign('a'), LIMITS, NO_LISTENER);
      stopped.abort('stop', 'the worker stops');
      const handler = () => Promise.reject(thrown);
      assert.equal((await runTask(stopped, handler, json, LIMITS)).kind, kind);
    }
  });

  it('reports a cancelled task as stopped, unless it had a result', async () => {
    const cancelled: Handler<unknown, unknown> = async (_, { signal }) => {
      const aborted = new Promise((_resolve, reject) => signal.addEventListener('abort', () => reject(signal.reason)));
      (context as WorkerDelivery).abort('cancel', 'not needed');
      await aborted;
    };
    const context = new WorkerDelivery(assign('t'), LIMITS, NO_LISTENER);
    context.state = 'running';
    assert.equal(tell(await runTask(context, cancelled, json, LIMITS)), 'stopped');
    const done: Handler<unknown, unknown> = (_, task) => {
      (task as WorkerDelivery).abort('cancel', 'not needed');
      assert.equal(task.signal.aborted, true);
      assert.match(String(task.signal.reason), /not needed/);
      return 'done';
    };
    assert.equal(tell(await run(done)), '"done"');
  });
});

describe('WorkerDelivery', () => {
  it('clamps progress and cuts its words', () => {
    const task = new WorkerDelivery(assign('t'), LIMITS, NO_LISTENER);
    task.progress(0.5);
    assert.equal(task.newProgress, null);
    task.state = 'running';
    task.progress(7, 'ü'.repeat(1_000));
    assert.deepEqual(task.newProgress, { fraction: 1, message: 'ü'.repeat(512) });
    task.progress(Number.NaN);
    assert.deepEqual(task.newProgress, { fraction: -1, message: '' });
  });

  it('refuses a checkpoint over the limit and copies one within it', () => {
    const task = new WorkerDelivery(assign('t'), LIMITS, NO_LISTENER);
    task.state = 'running';
    assert.throws(() => task.saveCheckpoint(new Uint8Array(11)), { name: 'ContactError', code: 'INVALID_ARGUMENT' });
    const mine = new Uint8Array([1, 2]);
    task.saveCheckpoint(mine);
    mine[0] = 9;
    assert.deepEqual(task.newCheckpoint, new Uint8Array([1, 2]));
  });
});

describe('Workload', () => {
  function createScene(concurrency: number) {
    const running = new Map<string, PromiseWithResolvers<Report>>();
    const started: string[] = [];
    const reports: string[] = [];
    const workload = new Workload({
      isReported: () => false,
      ...NO_LISTENER,
      concurrency,
      run: (task) => {
        const end = Promise.withResolvers<Report>();
        running.set(task.taskId, end);
        return end.promise;
      },
      started: (task) => started.push(task.taskId),
      reported: (report) => report && reports.push(`${report.message.taskId} ${report.kind}`),
    });
    const finish = async (taskId: string) => {
      const message = { $typeName: 'contact.v1.Delivery' as const, taskId, delivery: 1 };
      running.get(taskId)!.resolve({ kind: 'released', message });
      await running.get(taskId)!.promise;
    };
    const accept = (...ids: string[]) =>
      workload.accept(
        ids.map((id) => assign(id)),
        LIMITS,
      );
    return { workload, started, reports, finish, accept };
  }

  it('runs as many at once as it may, the others in order as places become free', async () => {
    const { workload, started, finish, accept } = createScene(2);
    accept('a', 'b', 'c', 'd');
    assert.deepEqual(started, ['a', 'b']);
    await finish('b');
    assert.deepEqual(started, ['a', 'b', 'c']);
    assert.equal(workload.size, 3);
  });

  it('does not run twice what is pushed twice', () => {
    const { workload, started, accept } = createScene(5);
    accept('a');
    accept('a', 'b');
    assert.deepEqual(started, ['a', 'b']);
    assert.equal(workload.size, 2);
  });

  it('reports a cancelled task that waits at once, and lets one that runs end itself', () => {
    const { workload, reports, accept } = createScene(1);
    accept('a', 'b');
    for (const taskId of ['b', 'a', 'z']) workload.cancel(deliveryKey({ taskId, delivery: 1 }), '');
    assert.deepEqual(reports, ['b stopped']);
    assert.equal(workload.running()[0]?.signal.aborted, true);
  });

  it('reports nothing of deliveries that are closed', async () => {
    const { workload, reports, started, finish, accept } = createScene(1);
    accept('a', 'b', 'c');
    workload.close(['a', 'b'].map((taskId) => deliveryKey({ taskId, delivery: 1 })));
    await finish('a');
    assert.deepEqual(reports, []);
    assert.deepEqual(started, ['a', 'c']);
  });

  it('gives back what waits, and at last what runs', () => {
    const { workload, reports, accept } = createScene(1);
    accept('a', 'b', 'c');
    workload.releaseWaiting();
    assert.deepEqual(reports, ['b untouched', 'c untouched']);
    workload.running()[0]!.isEntered = true;
    workload.abandonRunning();
    assert.deepEqual(reports.slice(2), ['a released']);
    assert.equal(workload.size, 0);
  });
});

describe('json', () => {
  it('decodes by content type and does not guess', () => {
    const encode = (text: string) => new TextEncoder().encode(text);
    assert.deepEqual(json.decode(encode('{"a":1}'), 'application/json; charset=utf-8'), { a: 1 });
    assert.deepEqual(json.decode(encode('[1]'), 'application/vnd.x+json'), [1]);
    assert.equal(json.decode(encode(''), 'application/json'), null);
    assert.equal(json.decode(encode('héllo'), 'text/plain'), 'héllo');
    assert.deepEqual(json.decode(encode('1'), 'application/octet-stream'), encode('1'));
  });
});

describe('bytes', () => {
  it('copies both ways', () => {
    const buffer = Buffer.from('abc');
    const encoded = bytes.encode(buffer);
    buffer[0] = 0;
    assert.deepEqual([...encoded], [97, 98, 99]);
    assert.deepEqual([...bytes.encode('é')], [0xc3, 0xa9]);
    assert.notEqual(bytes.decode(encoded, '').buffer, encoded.buffer);
  });
});

describe('cutText()', () => {
  it('cuts at bytes and splits no character', () => {
    assert.equal(cutText('abc', 3), 'abc');
    assert.equal(cutText('abcd', 3), 'abc');
    assert.equal(cutText('aéé', 4), 'aé');
    assert.equal(cutText('😀😀', 7), '😀');
  });
});

describe('buildTask()', () => {
  const codec = json as Codec<unknown, unknown>;

  it('draws an id and takes the codec’s content type', () => {
    const task = buildTask('q', { a: 1 }, {}, codec);
    assert.match(task.id, /^[0-9a-f]{8}-[0-9a-f]{4}-7/);
    assert.equal(task.contentType, 'application/json');
    assert.equal(new TextDecoder().decode(task.payload), '{"a":1}');
  });

  it('names the field that cannot be sent', () => {
    const refused = (field: string, options: Parameters<typeof buildTask>[2]) =>
      assert.throws(
        () => buildTask('q', 1, options, codec),
        (error: unknown) => error instanceof ContactError && error.message.startsWith(`${field}: `),
      );
    refused('id', { id: 'x' });
    refused('priority', { priority: 40_000 });
    refused('priority', { priority: 1.5 });
    refused('delayMs', { delayMs: -1 });
    refused('delayMs', { delayMs: 1, runAt: new Date() });
    refused('runAt', { runAt: new Date(Number.NaN) });
    refused('runAt', { runAt: new Date('+010000-01-01T00:00:00Z') });
    refused('expiresAt', { expiresAt: new Date('0000-12-31T23:59:59Z') });
    refused('expiresAfterMs', { expiresAfterMs: 0 });
    refused('timeoutMs', { timeoutMs: 2 ** 32 });
    refused('maxAttempts', { maxAttempts: 1_001 });
    refused('clientId', { clientId: 'a', selector: 'b=c' });
    refused('metadata', { metadata: { a: 1 as unknown as string } });
    assert.throws(() => buildTask('no spaces', 1, {}, codec), /^ContactError: queue: /);
  });
});
