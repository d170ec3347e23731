import assert from 'node:assert/strict';
import type { Delivery } from '../../server/model/task.ts';
import type { LogRecord, TaskLogLine } from '../../server/model/tasklog.ts';
import type { Store } from '../../server/store/store.ts';
import { claim, fail, nameDelivery, settle, startTask, succeed } from '../scene/deliveries.ts';
import { addTasks, T0 } from '../scene/tasks.ts';
import { describeStores } from './stores.ts';

describeStores('logTasks()', (open) => {
  const line = (of: Delivery, number: number, with_: Partial<TaskLogLine> = {}): TaskLogLine => ({
    ...nameDelivery(of),
    number,
    level: 'info',
    at: T0 + number,
    text: `line ${number}`,
    ...with_,
  });

  const lines = (of: Delivery, from: number, to: number): TaskLogLine[] =>
    Array.from({ length: to - from + 1 }, (_, at) => line(of, from + at));

  async function logOf(store: Store, { taskId }: Pick<Delivery, 'taskId'>): Promise<readonly LogRecord[]> {
    return (await store.describeTask(taskId))!.log;
  }

  async function placesOf(store: Store, of: Pick<Delivery, 'taskId'>): Promise<string[]> {
    return (await logOf(store, of)).map(({ delivery, number }) => `${delivery}.${number}`);
  }

  it('keeps what was said of a task, as it was said, in the order of the numbers', async () => {
    const store = await open();
    const run = await startTask(store);
    assert.deepEqual(await logOf(store, run), []);
    const said = [
      line(run, 2, { level: 'error', text: 'second' }),
      line(run, 1, { level: 'debug', text: 'ä\nb' }),
      line(run, 7, { level: 'warn', text: '' }),
    ];
    assert.deepEqual(await store.logTasks(said), [true, true, true]);
    const without = ({ taskId: _id, ...record }: TaskLogLine): LogRecord => record;
    assert.deepEqual(await logOf(store, run), [said[1]!, said[0]!, said[2]!].map(without));
  });

  it('takes a number once, and a task that is not there not at all', async () => {
    const store = await open();
    const run = await startTask(store);
    await store.logTasks([line(run, 1), line(run, 1, { text: 'again' })]);
    await store.logTasks([line(run, 1, { text: 'once more' })]);
    assert.deepEqual(
      (await logOf(store, run)).map(({ text }) => text),
      ['line 1'],
    );
    const unknown = { ...nameDelivery(run), taskId: '019a9f3e-5c1e-7d55-b2b3-7a1f1c6a6a01' };
    assert.deepEqual(await store.logTasks([line(unknown, 1), line(run, 2)]), [false, true]);
  });

  it('keeps the newest hundred lines of a delivery, whatever comes late', async () => {
    const store = await open();
    const run = await startTask(store);
    await store.logTasks(lines(run, 1, 90));
    await store.logTasks(lines(run, 91, 130));
    const kept = Array.from({ length: 100 }, (_, at) => `1.${31 + at}`);
    assert.deepEqual(await placesOf(store, run), kept);
    await store.logTasks(lines(run, 5, 8));
    assert.deepEqual(await placesOf(store, run), kept);
  });

  it('keeps the newest thousand of a task, of all its deliveries', async () => {
    const store = await open();
    const run = await startTask(store, { maxAttempts: 100 });
    for (let delivery = 1; delivery <= 12; delivery += 1) {
      const now = { ...run, delivery };
      await store.logTasks(lines(now, 1, delivery === 12 ? 30 : 100));
      await settle(store, fail(now, { retry: { kind: 'after', ms: 0 } }), T0 + delivery);
      await store.wakeTasks(T0 + delivery, 10);
      await claim(store, run.session, {}, T0 + delivery);
    }
    const places = await placesOf(store, run);
    assert.deepEqual([places.length, places[0], places.at(-1)], [1_000, '2.31', '12.30']);
  });

  it('is before the end that came with it, also where nobody waits for the answer', async () => {
    const store = await open();
    const run = await startTask(store, { maxAttempts: 1 });
    const logged = store.logTasks([line(run, 1)]);
    await Promise.all([logged, settle(store, succeed(run)).then(async () => logOf(store, run))]).then(([, log]) => {
      assert.deepEqual(
        log.map(({ text }) => text),
        ['line 1'],
      );
    });
    await store.logTasks([line(run, 2)]);
    assert.deepEqual(await placesOf(store, run), ['1.1', '1.2']);
  });

  it('tells what came after a place, to whoever may see the task', async () => {
    const store = await open();
    const run = await startTask(store, { queue: 'q' });
    await store.logTasks([...lines(run, 1, 3), line({ ...run, delivery: 2 }, 1)]);
    const after = async (delivery: number, number: number, queues?: readonly string[]): Promise<string[]> => {
      const found = await store.listLog(run.taskId, { delivery, number }, queues && { queues });
      return found.map((one) => `${one.delivery}.${one.number}`);
    };
    assert.deepEqual(await after(0, 0), ['1.1', '1.2', '1.3', '2.1']);
    assert.deepEqual(await after(1, 2), ['1.3', '2.1']);
    assert.deepEqual(await after(2, 1), []);
    assert.deepEqual(await after(0, 0, ['other']), []);
    assert.deepEqual(await store.listLog('019a9f3e-5c1e-7d55-b2b3-7a1f1c6a6a01', { delivery: 0, number: 0 }), []);
  });

  it('is forgotten with its task, and not told of another one', async () => {
    const store = await open();
    const run = await startTask(store, { maxAttempts: 1 });
    await store.logTasks([line(run, 1)]);
    await settle(store, fail(run));
    assert.deepEqual(await placesOf(store, run), ['1.1']);
    await store.deleteTasks([run.taskId]);
    const [again] = await addTasks(store, { id: run.taskId });
    assert.deepEqual(await logOf(store, { taskId: again! }), []);
  });
});
