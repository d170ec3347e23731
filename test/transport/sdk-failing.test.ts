import assert from 'node:assert/strict';
import { createAdmin, createProducer, createWorker } from '../../client/index.ts';
import { closeScene, use, useWorker } from '../scene/end.ts';
import { connectTo, startDurable } from '../scene/server.ts';
import { until } from '../scene/until.ts';

describe('what fails in a worker', () => {
  afterEach(closeScene);

  it('is said at its side, and kept with where it came from, unless it is not to', async () => {
    const server = await startDurable();
    const said: string[] = [];
    const logger = { info: () => undefined, warn: (line: string) => void said.push(line) };
    const handler = () => {
      const cause = new Error('no route');
      throw Object.assign(new Error('no order', { cause }), { password: 'hunter2' });
    };
    const queues = { told: true, untold: false };
    for (const [queue, errorDetail] of Object.entries(queues)) {
      useWorker(createWorker({ ...connectTo(server.address), logger, queues: [queue], handler, errorDetail }));
    }
    const producer = use(createProducer(connectTo(server.address)));
    const admin = use(createAdmin(connectTo(server.address)));
    const details = [];
    for (const queue of Object.keys(queues)) {
      const { id } = await producer.enqueue(queue, null, { maxAttempts: 1 });
      const task = await until('a failure', async () => {
        const found = await admin.describeTask(id);
        return found.settledAt ? found : undefined;
      });
      const [attempt] = task.attempts;
      assert.equal(attempt!.error!.message, 'no order');
      details.push(attempt!.error!.detail);
      assert.ok(said.includes(`task ${id} of ${queue} failed, attempt 1 of 1: no order`));
    }
    assert.match(
      details[0]!,
      /^Error: no order\n {4}at handler .*sdk-failing\.test\.ts.*\nCaused by: Error: no route\n {4}at /s,
    );
    assert.equal(details[0]!.includes('hunter2'), false);
    assert.equal(details[1], '');
  });
});
