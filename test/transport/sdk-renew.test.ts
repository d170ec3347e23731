import assert from 'node:assert/strict';
import { readFileSync } from 'node:fs';
import { join as joinPath } from 'node:path';
import { createAccess, createObserver, createProducer, createWorker } from '../../client/index.ts';
import { startGuarded } from '../scene/access.ts';
import { recordCalls } from '../scene/asked.ts';
import { createFastClock } from '../scene/clock.ts';
import { closeScene, use, useWorker } from '../scene/end.ts';
import { createFolder } from '../scene/folder.ts';
import { connectTo } from '../scene/server.ts';
import { until } from '../scene/until.ts';

/** A credential lives for at least a minute, of which the server counts so many milliseconds in each. */
const FACTOR = 50;
const LIFETIME_MS = 240_000;
const TASKS = 20;
/** A renewal is due after 3.2 s of the wall clock; without any the credential has expired by now. */
const PATIENCE_MS = 20_000;
/** What a server of such a clock must not take for silence. */
const SLOW = { pingIntervalMs: 60_000, resumeWindowMs: 600_000, authenticateWithinMs: 600_000, stuckSocketMs: 60_000 };
const quiet = { info: () => undefined, warn: () => undefined };

describe('the renewal of a credential by the SDK', () => {
  afterEach(closeScene);

  async function startFleet() {
    const clock = createFastClock(FACTOR);
    const scene = await startGuarded(SLOW, { clock });
    const access = use(createAccess({ ...connectTo(scene.address), token: scene.operator }));
    const rights = { queues: ['*'], clients: ['*'], calls: ['*'], serves: ['*'] };
    const { join } = await access.createJoin({
      name: 'fleet',
      roles: ['worker', 'observer'],
      ...rights,
      clientLifetimeMs: LIFETIME_MS,
      lifetimeMs: 3_600_000,
      addresses: [scene.address],
    });
    const file = joinPath(createFolder(), 'robot-7');
    const options = { join, joinAs: 'robot-7', credentialFile: file, logger: quiet };
    const tokenId = (): string => JSON.parse(readFileSync(file, 'utf8')).id;
    return { scene, access, clock, options, tokenId };
  }

  it('ends no stream, and nothing runs twice, while its secret changes three times', async () => {
    const { scene, access, clock, options, tokenId } = await startFleet();
    const calls = recordCalls(scene.address);
    const finish = Promise.withResolvers<string>();
    let runs = 0;
    const handler = () => {
      runs += 1;
      return finish.promise;
    };
    const worker = useWorker(createWorker({ ...options, queues: ['q'], concurrency: TASKS, handler }));
    await worker.connected();
    const observer = use(createObserver(options));
    const results = observer.results({ from: 'oldest' });
    const first = results.next();
    const producer = use(createProducer({ ...connectTo(scene.address), token: scene.operator }));
    const answers = Array.from({ length: TASKS }, (_, n) => producer.call('q', n));
    await until(() => runs === TASKS);
    const ids = [tokenId()];
    for (let n = 0; n < 3; n++) {
      await until('it is renewed', () => tokenId() !== ids.at(-1), PATIENCE_MS);
      ids.push(tokenId());
    }
    await until('the first has expired', async () => {
      for await (const { id, expiresAt } of access.listAllCredentials())
        if (id === ids[0]) return Number(expiresAt?.seconds) * 1_000 < clock.now();
      return false;
    });
    finish.resolve('done');
    assert.deepEqual(new Set(await Promise.all(answers)), new Set(['done']));
    assert.equal((await first).value?.state, 'succeeded');
    assert.equal(runs, TASKS);
    const opened = (name: string) => calls.filter(({ path }) => path.endsWith(`/${name}`)).length;
    assert.deepEqual([opened('GetTask'), opened('SendStatus'), opened('WatchResults')], [1, 1, 1]);
    assert.ok(opened('Renew') >= 3);
  }).timeout(60_000);

  it('comes in time by the clock of a client that nobody asks for it', async () => {
    const { scene, options, tokenId } = await startFleet();
    const calls = recordCalls(scene.address);
    const observer = use(createObserver({ ...options, clock: createFastClock(FACTOR) }));
    void observer.results().next();
    await until(() => calls.some(({ path }) => path.endsWith('/WatchResults')));
    const id = tokenId();
    await until('it is renewed', () => tokenId() !== id, PATIENCE_MS);
    assert.equal(calls.filter(({ path }) => path.endsWith('/WatchResults')).length, 1);
  }).timeout(60_000);
});
