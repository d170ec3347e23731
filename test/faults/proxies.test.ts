import assert from 'node:assert/strict';
import { describe } from 'mocha';
import { createObserver, createProducer } from '../../client/index.ts';
import type { classic } from '../../gen/index.ts';
import { openTellResult, writeMetadata } from '../scene/classic.ts';
import { type Clients, connect } from '../scene/clients.ts';
import { closeScene } from '../scene/end.ts';
import { isFull } from '../scene/full.ts';
import { cleanUpProcesses, type TestProcess } from '../scene/process.ts';
import { isInstalled, PROXY_KINDS, type ProxyKind, startRealProxy } from '../scene/realproxies.ts';
import { skipLoudly } from '../scene/skip.ts';
import { until } from '../scene/until.ts';
import { checkAccount } from './account.ts';
import { createRig } from './rig.ts';
import { scaled } from './rounds.ts';

const TASKS = isFull ? 2_000 : 500;
/** For classic clients, who have one at a time. */
const CLASSIC = 40;
const SLOW_MS = isFull ? ([50, 150] as const) : ([200, 400] as const);
/** Of another queue, enqueued while the proxy has nothing behind it. */
const LATER = 100;
/** How long nobody but a stand-in answers, with each of two statuses. */
const AWAY_MS = isFull ? 1_500 : 750;
/** The window is longer than that: what runs twice does so since its worker was killed. */
const SETTING = scaled(500, isFull ? 5_000 : 3_000);

describe('a proxy before the server', () => {
  cleanUpProcesses();

  for (const kind of PROXY_KINDS) {
    it(`(${kind.title}) costs nothing but time when it is reloaded, gone and back`, async function () {
      this.timeout(180_000);
      // The short form has the proxies that understand HTTP/2; what only passes bytes on is all but absent there.
      if (!isFull && kind.title === 'haproxy with TCP') this.skip();
      if (!isInstalled(kind)) skipLoudly(this, `${kind.program} is not installed`);
      await survive(kind);
    });

    it(`(${kind.title}) leaves a classic client its tasks when that says its id`, async function () {
      if (!isInstalled(kind)) skipLoudly(this, `${kind.program} is not installed`);
      await serveClassic(kind);
    });
  }

  afterEach(closeScene);

  async function serveClassic(kind: ProxyKind): Promise<void> {
    const rig = await createRig();
    const proxy = await startRealProxy(kind, rig.address);
    const answered = ['one', 'other'].map((id) => answerClassic(connect(proxy), id));
    const producer = createProducer<string>({ server: proxy.address });
    const inputs = Array.from({ length: CLASSIC }, (_, input) => `input ${input}`);
    await Promise.all(inputs.map((input) => producer.enqueue('default', input)));
    const observer = createObserver({ server: proxy.address });
    const done: string[] = [];
    for await (const { bytes } of observer.results({ queues: ['default'], from: 'beginning' })) {
      if (done.push(Buffer.from(bytes).toString()) === CLASSIC) break;
    }
    assert.deepEqual(done.sort(), inputs.map((input) => `${JSON.stringify(input)} is done`).sort());
    assert.deepEqual(answered.flat().sort(), inputs.map((input) => JSON.stringify(input)).sort());
    await observer.close();
    await producer.close();
    await closeScene();
    await proxy.stop();
    await rig.stop();
  }

  async function survive(kind: ProxyKind): Promise<void> {
    const rig = await createRig({ serverArgs: SETTING.serverArgs });
    const proxy = await startRealProxy(kind, rig.address);
    const { address: server } = proxy;
    const later = await startLater(server);
    const worker = (name: string): Promise<TestProcess> => rig.startWorker({ server, name, concurrency: 20 });
    const [first, second] = await Promise.all([worker('first'), worker('second')]);
    const observed = rig.observe(TASKS, { server });
    const producer = rig.startProducer({ server, count: TASKS, slowEvery: 1, slowMs: SLOW_MS });

    await first.waitFor(began(TASKS / 20), 'stdout');
    proxy.reload();
    await second.waitFor(began(TASKS / 5), 'stdout');
    await first.stop('SIGKILL');
    const third = await worker('third');
    await third.waitFor(began(10), 'stdout');

    await proxy.stop();
    const laterStored = later.enqueue();
    for (const status of [404, 502]) assert.ok((await proxy.standIn(status, AWAY_MS)) > 0, `nobody heard ${status}`);
    await proxy.start();

    await Promise.all([second, third].map((one) => until(() => isBack(one))));
    assert.equal((await laterStored).size, LATER);
    assert.equal((await producer.ended).code, 0);
    assert.deepEqual(await observed, await rig.observe(TASKS));
    await checkAccount(rig, TASKS, { executedTwice: 'some' });
    await proxy.stop();
    await rig.stop();
  }
});

/** A producer that is connected; what it enqueues then answers the ids. */
async function startLater(server: string): Promise<{ enqueue(): Promise<Set<string>> }> {
  const producer = createProducer<number>({ server });
  await producer.enqueue('later', 0);
  return {
    async enqueue() {
      const stored = await Promise.all(Array.from({ length: LATER }, (_, input) => producer.enqueue('later', input)));
      await producer.close();
      return new Set(stored.map(({ id }) => id));
    },
  };
}

const began = (count: number): RegExp => new RegExp(`^began ${count}$`, 'm');

/** It was connected, lost the connection, and has another. */
function isBack({ stdout }: TestProcess): boolean {
  const states = stdout.split('\n').filter((line) => /^(connected|reconnecting)$/.test(line));
  return states.includes('reconnecting') && states.at(-1) === 'connected';
}

/** One task after the other, each answered over another stream; answers the texts so far. */
function answerClassic(clients: Clients, id: string): readonly string[] {
  const pairs = { 'contact-client': id };
  const results = openTellResult(clients, pairs);
  const texts: string[] = [];
  clients.classic
    .getTask({}, writeMetadata(pairs))
    .on('error', () => undefined)
    .on('data', ({ task }: classic.ServerMsg) => {
      texts.push(task);
      results.tell(`${task} is done`);
    });
  return texts;
}
