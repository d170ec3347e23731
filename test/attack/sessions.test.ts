import assert from 'node:assert/strict';
import { InterceptingCall, type Interceptor, Metadata } from '@grpc/grpc-js';
import { AdminService } from '../../gen/index.ts';
import { newSessionId } from '../../shared/ids.ts';
import { ask, type Clients, connect, enqueue, refusalOf } from '../scene/clients.ts';
import { atEnd, closeScene } from '../scene/end.ts';
import { until } from '../scene/until.ts';
import { openWorker, writeIdentity } from '../scene/worker.ts';
import { prepareAttacks, scale } from './attack.ts';

const TASK_BYTES = 900_000;
/** More than any session has sent. */
const ALL = 2 ** 32 - 1;
/** Tasks of that size that are given while less than half of the common budget is used. */
const PASSING = 120;
const QUEUES_EACH = 1_000;

/** A paused stream of grpc-js still reads sixteen messages ahead. */
const readNothing: Interceptor = (options, next) => {
  const call = new InterceptingCall(next(options));
  call.startRead = () => undefined;
  return call;
};

describe('attack by sessions', () => {
  const attack = prepareAttacks();

  afterEach(closeScene);

  /** Registers for tasks and never reads what comes; `isLiar`: says that it has seen all of it. */
  function openDeaf({ contact }: Clients, isLiar: boolean): void {
    const metadata = writeIdentity(`deaf-${newSessionId()}`, newSessionId());
    const up = contact.sendStatus(metadata);
    up.on('error', () => undefined);
    up.write({});
    const down = contact.getTask({ maxInFlight: 10_000, queues: ['deaf'] }, metadata, { interceptors: [readNothing] });
    down.on('error', () => undefined);
    const timer = setInterval(() => up.writable && up.write({ receipt: isLiar ? ALL : 0 }), 500);
    atEnd(() => {
      clearInterval(timer);
      up.cancel();
      down.cancel();
    });
  }

  async function countRunning(clients: Clients): Promise<number> {
    const { queues } = await ask(clients, AdminService.method.listQueues, {});
    return queues.find(({ name }) => name === 'deaf')!.running;
  }

  for (const [title, isLiar, tasksOnTheirWay] of [
    ['read nothing', false, 140],
    ['read nothing and give receipts for all', true, 180],
  ] as const) {
    it(`sessions that ${title}, more than the common budget is for`, async function () {
      await attack(this, async (server) => {
        const clients = connect(server);
        const payload = Buffer.alloc(TASK_BYTES);
        const count = scale(isLiar ? 210 : 170, 500);
        const batch = Array.from({ length: 5 }, () => ({ queue: 'deaf', payload }));
        for (let n = 0; n < count; n += batch.length) await enqueue(clients, ...batch);

        const running = (): Promise<number> => countRunning(clients);
        for (let n = 0; n < count; n++) {
          openDeaf(connect(server), isLiar);
          // The witness is in this process, too.
          await new Promise(setImmediate);
        }
        await until('all that is given to them is on its way', async () => (await running()) >= tasksOnTheirWay);
        await new Promise((resolve) => setTimeout(resolve, 2_000));
        // Half of the budget and one claim: the rest is for those who read.
        if (!isLiar) assert.ok((await running()) <= 160, `${await running()} are on their way`);
      });
    });
  }

  it('sessions that are given tasks, read nothing and go, again and again', async function () {
    await attack(this, async (server) => {
      const clients = connect(server);
      const payload = Buffer.alloc(TASK_BYTES);
      const batch = Array.from({ length: 5 }, () => ({ queue: 'deaf', payload, maxAttempts: 100 }));
      for (let n = 0; n < PASSING; n += batch.length) await enqueue(clients, ...batch);
      for (let round = 0; round < scale(5, 15); round++) {
        const streams = Array.from({ length: PASSING }, () => {
          const stream = connect(server).contact.getTask({ maxInFlight: 1, queues: ['deaf'] }, new Metadata(), {
            interceptors: [readNothing],
          });
          stream.on('error', () => undefined);
          return stream;
        });
        await until('each has one', async () => (await countRunning(clients)) >= PASSING);
        for (const stream of streams) stream.cancel();
        await until('all have gone', async () => (await countRunning(clients)) === 0);
      }
    });
  });

  it('registrations for a thousand queues each', async function () {
    await attack(this, async (server) => {
      const clients = connect(server);
      const refusals: string[] = [];
      for (let n = 0; n < scale(120, 400); n++) {
        const queues = Array.from({ length: QUEUES_EACH }, (_, at) => `${'q'.repeat(100)}-${n}-${at}`);
        const opened = openWorker(clients, { queues, isFull: false });
        const refusal = await refusalOf(opened);
        if (refusal !== 'OK') refusals.push(refusal);
      }
      assert.match(refusals[0] ?? 'none was refused', /^RESOURCE_EXHAUSTED queues: /);
    });
  });

  it('a thousand different selectors', async function () {
    await attack(this, async (server) => {
      const clients = connect(server);
      const tasks = Array.from({ length: 1_000 }, (_, n) => ({
        queue: 'choosy',
        target: { case: 'selector' as const, value: `zone=z${n},${'a'.repeat(60)}!=b` },
      }));
      for (let n = 0; n < scale(1, 20); n++) {
        await enqueue(clients, ...tasks.map((task) => ({ ...task, queue: `choosy-${n}` })));
      }
      const refusal = await refusalOf(
        enqueue(clients, { queue: 'choosy-0', target: { case: 'selector', value: 'zone=one,more' } }),
      );
      assert.match(refusal, /^RESOURCE_EXHAUSTED .*selector/);
    });
  });

  it('a worker evicted by its drawn id, again and again', async function () {
    await attack(this, async (server) => {
      const clients = connect(server);
      const { clients: listed } = await ask(clients, AdminService.method.listClients, {});
      const { id } = listed.find(({ ephemeral }) => ephemeral)!;
      for (let n = 0; n < scale(30, 300); n++) {
        const rival = await openWorker(clients, { clientId: id, queues: ['other'], ephemeral: n % 2 === 0 });
        await rival.cancel();
      }
    });
  });
});
