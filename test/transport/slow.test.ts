import assert from 'node:assert/strict';
import { ResultStart } from '../../gen/index.ts';
import { connect, enqueue } from '../scene/clients.ts';
import { closeScene } from '../scene/end.ts';
import { openObserver } from '../scene/observer.ts';
import { startProxy } from '../scene/proxy.ts';
import { startScene } from '../scene/server.ts';
import { nameOf, openWorker } from '../scene/worker.ts';

/** Twice the rate below which a line is taken for dead; 100,000 bytes take longer than three ping intervals at half of it. */
const BYTES_PER_MS = 400;
const OPTIONS = { pingIntervalMs: 60, slowLineBytesPerSecond: 200_000, resumeWindowMs: 50 };
const SIZE = 100_000;

describe('a reader that is slow', () => {
  afterEach(closeScene);

  it('as a worker keeps its session and its tasks', async () => {
    const scene = await startScene(OPTIONS);
    const proxy = await startProxy(scene);
    const operator = connect(scene);
    for (let n = 0; n < 6; n++) await enqueue(operator, { payload: Buffer.alloc(SIZE) });
    proxy.throttle('toClient', BYTES_PER_MS);
    const worker = await openWorker(connect(proxy), { maxInFlight: 6 });
    const tasks = await worker.receive(6);
    assert.ok(tasks.every(({ delivery }) => delivery === 1));
    assert.ok((await worker.succeed(...tasks)).every((code) => code === 'STORED'));
  });

  it('as a worker that reports a large result keeps its session', async () => {
    const scene = await startScene(OPTIONS);
    const proxy = await startProxy(scene);
    await enqueue(connect(scene), {});
    const worker = await openWorker(connect(proxy));
    const [task] = await worker.receive(1);
    proxy.throttle('toServer', BYTES_PER_MS);
    // Longer on its way than five ping intervals.
    const result = Buffer.alloc(4 * SIZE);
    assert.deepEqual(await worker.report({ succeeded: [{ ...nameOf(task!), result }] }), ['STORED']);
    assert.equal(proxy.accepted, 1);
  });

  it('as an observer gets everything', async () => {
    const scene = await startScene(OPTIONS);
    const operator = connect(scene);
    const worker = await openWorker(operator, { maxInFlight: 8 });
    await enqueue(operator, ...Array.from({ length: 8 }, () => ({})));
    const succeeded = (await worker.receive(8)).map((task) => ({ ...nameOf(task), result: Buffer.alloc(SIZE) }));
    await worker.report({ succeeded });
    const proxy = await startProxy(scene);
    proxy.throttle('toClient', BYTES_PER_MS);
    const observer = openObserver(connect(proxy), { start: ResultStart.BEGINNING, follow: true });
    assert.equal((await observer.receive(8)).length, 8);
    assert.equal(proxy.accepted, 1);
  });
});
