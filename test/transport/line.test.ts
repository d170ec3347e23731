import assert from 'node:assert/strict';
import { status } from '@grpc/grpc-js';
import { AdminService, ResultStart } from '../../gen/index.ts';
import { silentLogger } from '../../shared/logger.ts';
import { ask, type Clients, connect, enqueueMany } from '../scene/clients.ts';
import { closeScene } from '../scene/end.ts';
import { openObserver } from '../scene/observer.ts';
import { startProxy } from '../scene/proxy.ts';
import { startScene } from '../scene/server.ts';
import { never } from '../scene/until.ts';
import { nameOf, openWorker } from '../scene/worker.ts';

const STUCK_MS = 1_000;
const RESULT_BYTES = 250_000;
/** Three ping intervals and the time of one message are a fifth of what the line takes for all of them. */
const SLOW = 1_000_000;
const READERS = 12;
/** More than is written to one reader before it takes something. */
const MESSAGES = 6;

/** Holds up the whole process. */
function standStill(ms: number): void {
  Atomics.wait(new Int32Array(new SharedArrayBuffer(4)), 0, 0, ms);
}

describe('a connection', () => {
  afterEach(closeScene);

  async function storeResults(operator: Clients, count: number): Promise<void> {
    const worker = await openWorker(operator, { queues: ['large'], maxInFlight: count });
    await enqueueMany(operator, count, { queue: 'large' });
    for (const task of await worker.receive(count)) {
      await worker.report({ succeeded: [{ ...nameOf(task), result: Buffer.alloc(RESULT_BYTES) }] });
    }
    await worker.cancel();
  }

  it('that lives is kept when one of its streams is reset, and the process stands still before the answer', async () => {
    const warnings: string[] = [];
    // The PING has left when the process stops, and its answer comes while it stands.
    function hearWarning(_fields: object, words: string): void {
      warnings.push(words);
      if (/it is reset/.test(words)) setImmediate(() => standStill(2 * STUCK_MS));
    }
    const scene = await startScene(
      { pingIntervalMs: 500, stuckSocketMs: STUCK_MS },
      { logger: { ...silentLogger, warn: hearWarning } },
    );
    await storeResults(connect(scene), 40);
    const { stream, ended, receive } = openObserver(connect(scene), { start: ResultStart.BEGINNING, follow: true });
    await receive(1);
    stream.pause();
    assert.equal((await ended).code, status.CANCELLED);
    await never('it is closed', () => warnings.length > 1, 2 * STUCK_MS);
  });

  it('that is slow carries many streams and calls, none of which is ended for the others', async () => {
    const options = { pingIntervalMs: 500, slowLineBytesPerSecond: SLOW, stuckSocketMs: STUCK_MS };
    const scene = await startScene(options);
    const operator = connect(scene);
    await storeResults(operator, MESSAGES);
    const proxy = await startProxy(scene);
    const clients = connect(proxy);
    await ask(clients, AdminService.method.listQueues, {});
    proxy.throttle('toClient', (2 * SLOW) / 1_000);
    const readers = Array.from({ length: READERS }, () =>
      openObserver(clients, { start: ResultStart.BEGINNING, follow: true }),
    );
    const all = Promise.all(readers.map(({ receive }) => receive(MESSAGES)));
    let isRead = false;
    let answered = 0;
    const asking = (async () => {
      for (; !isRead; answered += 1) await ask(clients, AdminService.method.listQueues, {});
    })();
    const ended = Promise.race(readers.map(({ ended }) => ended));
    const first = await Promise.race([all, ended, asking]);
    isRead = true;
    assert.ok(Array.isArray(first), `a reader was ended: ${first && 'details' in first ? first.details : ''}`);
    await asking;
    assert.ok(answered > 0);
    assert.equal(proxy.accepted, 1);
  });
});
