import assert from 'node:assert/strict';
import { create, toBinary } from '@bufbuild/protobuf';
import fc from 'fast-check';
import { json } from '../../client/codec.ts';
import { WorkerDelivery } from '../../client/delivery.ts';
import { TaskFailure, TaskRelease } from '../../client/failure.ts';
import { runTask } from '../../client/task.ts';
import { AssignmentSchema, FailedSchema, LimitsSchema, SucceededSchema } from '../../gen/contact/v1/contact_pb.ts';
import { startTimer } from '../../shared/clock.ts';
import { describeThrown } from '../../shared/describe.ts';

const LIMITS = create(LimitsSchema, { maxResultBytes: 1 << 20, maxCheckpointBytes: 10 });
const NO_LISTENER = { progressed: () => {}, checkpointed: () => {}, logged: () => {} };

/** A report that the wire takes: 'succeeded', or the code and text of a failure. */
async function report(handler: () => unknown): Promise<string> {
  const payload = new TextEncoder().encode('null');
  const assignment = create(AssignmentSchema, { taskId: 't', delivery: 1, payload, contentType: 'application/json' });
  const task = new WorkerDelivery(assignment, LIMITS, NO_LISTENER);
  task.state = 'running';
  const { kind, message } = await runTask(task, handler, json, LIMITS);
  if (kind === 'succeeded') toBinary(SucceededSchema, message);
  if (kind !== 'failed') return kind;
  toBinary(FailedSchema, message);
  return `${message.error?.code}: ${message.error?.message}`;
}

const throwing = (value: unknown) => () => {
  throw value;
};
const fails = throwing(new Error('no'));
const revoked = (() => {
  const { proxy, revoke } = Proxy.revocable({}, {});
  revoke();
  return proxy;
})();
const traps = new Proxy({}, { get: fails, getPrototypeOf: fails, has: fails, ownKeys: fails });
const odd: unknown[] = [
  Object.create(null),
  Object.assign(new Error('x'), { message: 7 }),
  Object.assign(new Error('x'), { message: Object.create(null) }),
  Object.defineProperty(new Error('x'), 'message', { get: fails }),
  Object.defineProperty(new TaskFailure('x'), 'code', { get: fails }),
  Object.assign(new TaskFailure('x'), { code: 404, retry: 1n }),
  { toString: fails, toJSON: fails, [Symbol.toPrimitive]: fails },
  revoked,
  traps,
  Symbol('s'),
  10n,
  () => {},
  undefined,
  null,
  'a\0b\ud800',
];

describe('what handlers throw and answer', () => {
  it('is described, whatever it is', () => {
    for (const value of odd) assert.equal(typeof describeThrown(value), 'string');
    fc.assert(
      fc.property(fc.anything({ withNullPrototype: true, withBigInt: true, withMap: true }), (value) => {
        assert.equal(typeof describeThrown(value), 'string');
        assert.equal(typeof describeThrown(Object.assign(new Error('x'), { message: value })), 'string');
      }),
    );
    assert.equal(describeThrown(Object.assign(new Error('x'), { message: 7 })), '7');
    assert.match(describeThrown(Object.create(null)), /null prototype/);
  });

  it('makes a report that the wire takes, whatever is thrown', async () => {
    for (const value of odd) assert.match(await report(throwing(value)), /^\w*: /);
    for (const value of odd) assert.match(await report(() => Promise.reject(value)), /^\w*: /);
    assert.equal(await report(throwing('a\0b\ud800')), ': a\uFFFDb\uFFFD');
  });

  it('gives a task back that its handler could not begin', async () => {
    assert.equal(await report(throwing(new TaskRelease('no room'))), 'untouched');
  });

  it('makes a report that the wire takes, whatever is answered', async () => {
    const circular: { self?: unknown } = {};
    circular.self = circular;
    for (const value of [10n, circular, { toJSON: fails }, Symbol('s'), () => {}]) {
      assert.match(await report(() => value), /^INVALID_RESULT: result: /);
    }
    // biome-ignore lint/suspicious/noThenProperty: a thenable that throws is what is tried.
    assert.equal(await report(() => ({ then: fails })), ': no');
    assert.equal(await report(() => undefined), 'succeeded');
  });
});

describe('startTimer()', () => {
  it('waits in pieces for longer than one timer can', async () => {
    const startedAt = performance.now();
    const alive = setInterval(() => {}, 1_000);
    await new Promise<void>((resolve) => startTimer(40, resolve, 15));
    clearInterval(alive);
    assert.ok(performance.now() - startedAt >= 38);
  });

  it('is taken back in a later piece, and does not end at once for a wait of 30 days', async () => {
    let count = 0;
    const stops = [startTimer(30, () => count++, 10), startTimer(30 * 86_400_000, () => count++)];
    await new Promise((resolve) => setTimeout(resolve, 15));
    for (const stop of stops) stop();
    await new Promise((resolve) => setTimeout(resolve, 40));
    assert.equal(count, 0);
  });
});
