import assert from 'node:assert/strict';
import { create } from '@bufbuild/protobuf';
import fc from 'fast-check';
import { createHolding } from '../../client/holding.ts';
import { deliveryKey, Outbox, type Report } from '../../client/outbox.ts';
import { TaskLogs } from '../../client/tasklog.ts';
import { type StatusCall, Uplink } from '../../client/uplink.ts';
import { Workload } from '../../client/workload.ts';
import {
  OutcomeCode,
  OutcomeSchema,
  type SendStatusRequest,
  SucceededSchema,
} from '../../gen/contact/v1/contact_pb.ts';
import { createFakeClock } from '../scene/clock.ts';

function succeeded(taskId: string, bytes = 10): Report {
  const message = create(SucceededSchema, { taskId, delivery: 1, result: new Uint8Array(bytes) });
  return { kind: 'succeeded', message };
}

function outcome(taskId: string, code: OutcomeCode, afterMs = 0) {
  return create(OutcomeSchema, { taskId, delivery: 1, code, afterMs });
}

function createOutbox(...taskIds: string[]) {
  const clock = createFakeClock();
  let readyCount = 0;
  const outbox = new Outbox(clock, () => readyCount++);
  for (const taskId of taskIds) outbox.put(succeeded(taskId));
  const take = (maxCount = 100, maxBytes = 1e6) =>
    outbox.take(maxCount, maxBytes, true).map(({ message }) => message.taskId);
  return { clock, outbox, take, readyCount: () => readyCount };
}

describe('Outbox.take()', () => {
  it('gives what was put, oldest first, once', () => {
    const { take } = createOutbox('a', 'b', 'c');
    assert.deepEqual(take(2), ['a', 'b']);
    assert.deepEqual(take(2), ['c']);
    assert.deepEqual(take(2), []);
  });

  it('keeps within the bytes, and lets a large one go alone', () => {
    const { outbox, take } = createOutbox();
    outbox.put(succeeded('a', 100));
    outbox.put(succeeded('large', 5_000));
    outbox.put(succeeded('b', 100));
    assert.deepEqual(take(10, 1_000), ['a']);
    assert.deepEqual(outbox.take(10, 1_000, false), []);
    assert.deepEqual(take(10, 1_000), ['large']);
    assert.deepEqual(take(10, 1_000), ['b']);
  });
});

describe('Outbox.settle()', () => {
  it('forgets a report for every outcome but RETRY_LATER', () => {
    for (const code of Object.values(OutcomeCode)) {
      const { outbox, take } = createOutbox('a');
      take();
      assert.equal(outbox.settle(outcome('a', code)), code !== OutcomeCode.RETRY_LATER);
      assert.equal(outbox.size, code === OutcomeCode.RETRY_LATER ? 1 : 0);
      outbox.clear();
    }
  });

  it('sends again after the time the server names, and says that it is ready', () => {
    const { clock, outbox, take, readyCount } = createOutbox('a', 'b');
    take();
    outbox.settle(outcome('a', OutcomeCode.RETRY_LATER, 500));
    outbox.settle(outcome('b', OutcomeCode.RETRY_LATER, 900));
    const before = readyCount();
    clock.advance(498);
    assert.deepEqual(take(), []);
    clock.advance(2);
    assert.equal(readyCount(), before + 1);
    assert.deepEqual(take(), ['a']);
    clock.advance(400);
    assert.deepEqual(take(), ['b']);
  });

  it('ignores an outcome for what it does not have', () => {
    const { outbox } = createOutbox('a');
    assert.equal(outbox.settle(outcome('z', OutcomeCode.STORED)), false);
    assert.equal(outbox.size, 1);
  });
});

describe('Outbox.rewind()', () => {
  it('gives everything unacknowledged again in the order it was put', () => {
    const { clock, outbox, take } = createOutbox('a', 'b', 'c', 'd');
    take(3);
    outbox.settle(outcome('b', OutcomeCode.STORED));
    outbox.settle(outcome('a', OutcomeCode.RETRY_LATER, 60_000));
    outbox.rewind();
    assert.deepEqual(take(), ['a', 'c', 'd']);
    assert.equal(clock.pending, 0);
  });

  it('does not bring back what was dropped', () => {
    const { outbox, take } = createOutbox('a', 'b');
    take(1);
    outbox.drop(deliveryKey({ taskId: 'a', delivery: 1 }));
    outbox.drop(deliveryKey({ taskId: 'b', delivery: 1 }));
    outbox.rewind();
    assert.deepEqual(take(), []);
  });
});

describe('Outbox', () => {
  it('loses no report whatever happens in between', () => {
    const step = fc.oneof(
      fc.constant({ kind: 'put' as const }),
      fc.record({ kind: fc.constant('take' as const), count: fc.integer({ min: 1, max: 5 }) }),
      fc.record({ kind: fc.constant('stored' as const), pick: fc.nat() }),
      fc.record({ kind: fc.constant('later' as const), pick: fc.nat(), ms: fc.integer({ min: 0, max: 500 }) }),
      fc.record({ kind: fc.constant('wait' as const), ms: fc.integer({ min: 0, max: 500 }) }),
      fc.constant({ kind: 'rewind' as const }),
    );
    fc.assert(
      fc.property(fc.array(step, { maxLength: 60 }), (steps) => {
        const { clock, outbox, take } = createOutbox();
        const expected = new Set<string>();
        let sent: string[] = [];
        let counter = 0;
        for (const one of steps) {
          if (one.kind === 'put') {
            const id = `t${counter++}`;
            expected.add(id);
            outbox.put(succeeded(id));
          } else if (one.kind === 'take') sent.push(...take(one.count));
          else if (one.kind === 'wait') clock.advance(one.ms);
          else if (one.kind === 'rewind') {
            outbox.rewind();
            sent = [];
          } else if (sent.length > 0) {
            const [id] = sent.splice(one.pick % sent.length, 1);
            if (one.kind === 'stored') expected.delete(id!);
            const code = one.kind === 'stored' ? OutcomeCode.STORED : OutcomeCode.RETRY_LATER;
            outbox.settle(outcome(id!, code, one.kind === 'later' ? one.ms : 0));
          }
        }
        clock.advance(1_000);
        assert.deepEqual(new Set([...sent, ...take()]), expected);
        assert.equal(outbox.size, expected.size);
      }),
    );
  });
});

describe('Outbox.cut()', () => {
  it('sends what was on its way alone, after the rest', () => {
    const { outbox, take } = createOutbox('a', 'b');
    take();
    outbox.put(succeeded('c'));
    outbox.cut('reset');
    outbox.rewind();
    assert.deepEqual(take(), ['c']);
    assert.deepEqual(take(), []);
    outbox.settle(outcome('c', OutcomeCode.STORED));
    assert.deepEqual(take(), ['a']);
    assert.deepEqual(take(), []);
    outbox.settle(outcome('a', OutcomeCode.STORED));
    assert.deepEqual(take(), ['b']);
    outbox.settle(outcome('b', OutcomeCode.STORED));
    assert.equal(outbox.size, 0);
  });

  it('replaces a result that breaks every line by a failure with the reason', () => {
    const { outbox, take } = createOutbox('large');
    for (let cuts = 1; cuts <= 8; cuts += 1) {
      assert.equal(outbox.reports()[0]!.kind, 'succeeded');
      assert.deepEqual(take(), ['large']);
      outbox.cut('HTTP status 413');
      outbox.rewind();
    }
    const [report] = outbox.reports();
    assert.ok(report?.kind === 'failed');
    assert.equal(report.message.error?.code, 'UNDELIVERABLE');
    assert.match(report.message.error.message, /HTTP status 413/);
  });
});

describe('createHolding()', () => {
  it('says over a new session that what is given back had started, before it is given back', async () => {
    const { clock, outbox } = createOutbox();
    const workload = new Workload({
      ...{ concurrency: 1, run: () => new Promise<Report>(() => {}), isReported: () => false },
      ...{ started: () => {}, reported: () => {}, progressed: () => {}, checkpointed: () => {}, logged: () => {} },
    });
    for (const kind of ['released', 'untouched'] as const) {
      outbox.put({ kind, message: { $typeName: 'contact.v1.Delivery', taskId: kind, delivery: 1 } });
    }
    const said: SendStatusRequest[] = [];
    const call = { write: (message: SendStatusRequest) => said.push(message) > 0 } as unknown as StatusCall;
    const uplink = new Uplink({ call, outbox, clock, progressIntervalMs: 1 });
    const logs = new TaskLogs(clock.now, (log) => uplink.logged(log));
    createHolding({ workload, outbox, logs, logger: { info: () => {}, warn: () => {} } }).repeat(uplink);
    uplink.open(1e6);
    while (said.length === 0) await new Promise((resolve) => setImmediate(resolve));
    const [{ started, released, untouched }] = said as [SendStatusRequest];
    const idsOf = (items: readonly { taskId: string }[]) => items.map(({ taskId }) => taskId);
    assert.deepEqual([started, released, untouched].map(idsOf), [['released'], ['released'], ['untouched']]);
  });
});
