import assert from 'node:assert/strict';
import { status } from '@grpc/grpc-js';
import { newSessionId } from '../../shared/ids.ts';
import { type Clients, connect, enqueue, enqueueMany } from '../scene/clients.ts';
import { closeScene } from '../scene/end.ts';
import { startScene } from '../scene/server.ts';
import { never } from '../scene/until.ts';
import { nameOf, openWorker, type RawWorker, statusOf, writeIdentity } from '../scene/worker.ts';

/** The next task reaches it, and its word about it counts. */
async function works(clients: Clients, worker: RawWorker, queue: string): Promise<void> {
  const count = worker.tasks.length;
  await enqueue(clients, { queue });
  await worker.receive(count + 1);
  assert.deepEqual(await worker.succeed(worker.tasks[count]!), ['STORED']);
}

describe('the id of a session', () => {
  afterEach(closeScene);

  for (const [who, thief] of [
    ['by name', { clientId: 'mallory' }],
    ['by name for a while', { clientId: 'mallory', ephemeral: true }],
    ['without a name', { clientId: '' }],
  ] as const) {
    it(`gives nothing to another client that resumes with it ${who}, and takes nothing from its own`, async () => {
      const clients = connect(await startScene());
      await enqueueMany(clients, 1, { queue: 'hers', maxAttempts: 1 });
      const alice = await openWorker(clients, { clientId: 'alice', queues: ['hers'] });
      const [task] = await alice.receive(1);
      let hasEnded = false;
      void Promise.race([alice.ended, alice.statusEnded]).then(() => {
        hasEnded = true;
      });
      alice.send({ started: [nameOf(task!)] });
      for (const sessionId of [newSessionId(), undefined]) {
        const resume = { previousSession: alice.sessionId, holding: [nameOf(task!)] };
        const other = await openWorker(clients, {
          ...thief,
          ...(sessionId && { sessionId }),
          queues: ['none'],
          resume,
        });
        assert.equal(other.registered.resumed, false);
        assert.deepEqual(other.registered.closed.map(nameOf), [nameOf(task!)]);
      }
      await never('an end', () => hasEnded, 100);
      assert.deepEqual(await alice.succeed(task!), ['STORED']);
      await works(clients, alice, 'hers');
    });
  }

  it('ends nothing for a registration that is refused, its own included', async () => {
    const clients = connect(await startScene({ resumeWindowMs: 60_000 }));
    await enqueueMany(clients, 1, { queue: 'his' });
    const away = await openWorker(clients, { clientId: 'bob', queues: ['his'] });
    await away.receive(1);
    await away.cancel();
    await enqueueMany(clients, 1, { queue: 'hers', maxAttempts: 1 });
    const alice = await openWorker(clients, { clientId: 'alice', queues: ['hers'] });
    const [task] = await alice.receive(1);
    let hasEnded = false;
    void Promise.race([alice.ended, alice.statusEnded]).then(() => {
      hasEnded = true;
    });
    const resume = { previousSession: alice.sessionId, holding: [nameOf(task!)] };
    const { clientId } = alice;
    for (const refused of [
      { sessionId: away.sessionId, queues: ['hers'] },
      { sessionId: alice.sessionId, queues: ['hers'] },
      { queues: [' '] },
    ]) {
      await assert.rejects(openWorker(clients, { ...refused, clientId, isFull: false, resume }), {
        code: refused.sessionId ? status.ALREADY_EXISTS : status.INVALID_ARGUMENT,
      });
    }
    await never('an end', () => hasEnded, 100);
    assert.deepEqual(await alice.succeed(task!), ['STORED']);
    await works(clients, alice, 'hers');
    const back = await openWorker(clients, { clientId, queues: ['hers'], resume });
    assert.equal(back.registered.resumed, true);
    await alice.ended;
  });

  it('lets no SendStatus of another client in, whether it comes before its GetTask or after', async () => {
    const clients = connect(await startScene({ pairingMs: 5_000 }));
    for (const name of ['mallory', '']) {
      const clientId = `alice-${name}`;
      const sessionId = newSessionId();
      const early = clients.contact.sendStatus(writeIdentity(name, sessionId));
      early.write({ receipt: 1 });
      const earlyEnd = statusOf(early.on('data', () => undefined));
      const alice = await openWorker(clients, { clientId, sessionId, queues: [clientId], maxInFlight: 50 });
      assert.equal(alice.registered.maxInFlight, 50);
      early.cancel();
      await earlyEnd;
      await works(clients, alice, clientId);
    }
  });

  it('lets no SendStatus of another client end or speak for a plain session', async () => {
    const clients = connect(await startScene({ pairingMs: 50 }));
    const plain = await openWorker(clients, { clientId: 'alice', isFull: false });
    await enqueueMany(clients, 1);
    const [task] = await plain.receive(1);
    let hasEnded = false;
    plain.ended.then(() => {
      hasEnded = true;
    });
    for (const name of ['mallory', '']) {
      const stolen = clients.contact.sendStatus(writeIdentity(name, plain.sessionId));
      stolen.write({ succeeded: [nameOf(task!)] });
      const { code } = await statusOf(stolen.on('data', () => undefined));
      assert.equal(code, status.FAILED_PRECONDITION);
    }
    await never('an end', () => hasEnded, 50);
    const own = clients.contact.sendStatus(writeIdentity('alice', plain.sessionId));
    const outcomes = new Promise((resolve) =>
      own.on('data', ({ outcomes: all }) => all.length > 0 && resolve(all[0].code)),
    );
    own.on('error', () => undefined);
    own.write({ succeeded: [nameOf(task!)] });
    assert.equal(await outcomes, 1);
    own.cancel();
  });
});
