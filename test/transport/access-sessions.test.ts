import assert from 'node:assert/strict';
import { status } from '@grpc/grpc-js';
import { AdminService, ReverseService, Role, TaskState } from '../../gen/index.ts';
import { newSessionId } from '../../shared/ids.ts';
import { type GuardedScene, startGuarded } from '../scene/access.ts';
import { ask, type Clients, connect, describeTask, enqueue, refusalOf } from '../scene/clients.ts';
import { closeScene } from '../scene/end.ts';
import { callMethod } from '../scene/methodcall.ts';
import { openServe } from '../scene/rawcallee.ts';
import { until } from '../scene/until.ts';
import { closeOf, type Named, nameOf, openWorker, statusOf, tell, writeIdentity } from '../scene/worker.ts';

describe('a session of a principal', () => {
  let scene: GuardedScene;
  /** Two that may be any client, and have the same rights. */
  let alice: Clients;
  let mallory: Clients;

  beforeEach(async () => {
    scene = await startGuarded({ pairingMs: 50 });
    const open = async (name: string) =>
      connect(scene, {}, (await scene.access.token({ roles: [Role.WORKER, Role.PRODUCER] }, { name })).text);
    [alice, mallory] = [await open('alice'), await open('mallory')];
  });

  afterEach(closeScene);

  it('has no SendStatus of another, whether it comes before its GetTask or after', async () => {
    const sessionId = newSessionId();
    const early = mallory.contact.sendStatus(writeIdentity('robot', sessionId));
    early.on('data', () => undefined).write({ receipt: 1 });
    const earlyEnd = statusOf(early);
    const worker = await openWorker(alice, { clientId: 'robot', sessionId, isFull: false });
    assert.equal((await earlyEnd).code, status.FAILED_PRECONDITION);
    await enqueue(alice, {});
    const [task] = await worker.receive(1);
    const late = mallory.contact.sendStatus(writeIdentity('robot', sessionId));
    late.on('data', () => undefined).write({ succeeded: [nameOf(task!)] });
    assert.equal((await statusOf(late)).code, status.FAILED_PRECONDITION);
    assert.deepEqual(await tell(alice, 'robot', { succeeded: [nameOf(task!)] }), ['STORED']);
  });

  it('is not resumed by another, who gets nothing of what it holds', async () => {
    await enqueue(alice, { queue: 'hers', maxAttempts: 1 });
    const worker = await openWorker(alice, { clientId: 'robot', ephemeral: true, queues: ['hers'] });
    const [task] = await worker.receive(1);
    const resume = { previousSession: worker.sessionId, holding: [nameOf(task!)] };
    const thief = await openWorker(mallory, { clientId: 'robot', ephemeral: true, queues: ['none'], resume });
    assert.deepEqual([thief.registered.resumed, thief.registered.closed.map(nameOf)], [false, [nameOf(task!)]]);
    assert.deepEqual(await worker.succeed(task!), ['STORED']);
  });

  it('stays, with what it has, when another comes by its client id: that is as another client to it', async () => {
    await enqueue(alice, {}, {});
    const worker = await openWorker(alice, { clientId: 'robot' });
    const [told, kept] = (await worker.receive(2)).map(nameOf) as [Named, Named];
    const resume = { previousSession: newSessionId(), holding: [told, kept] };
    const other = await openWorker(mallory, { clientId: 'robot', resume });
    assert.deepEqual(other.registered.closed.map(nameOf), [told, kept]);
    assert.deepEqual(await other.report({ succeeded: [told], released: [kept] }), ['STALE', 'STALE']);
    other.send({ checkpoints: [{ ...kept, data: Buffer.from('theirs') }], started: [kept] });
    assert.deepEqual(await worker.succeed(told), ['STORED']);

    // Its window runs on, and only then another is given what it has.
    const leftAt = Date.now();
    await worker.cancel();
    const [given] = await other.receive(1);
    assert.ok(Date.now() - leftAt >= 400 - 10, 'no sooner than its window is over');
    assert.deepEqual([given!.taskId, given!.delivery, given!.checkpoint.length], [kept.taskId, 2, 0]);
    assert.deepEqual(await tell(alice, 'robot', { succeeded: [kept] }), ['STALE']);
    assert.deepEqual(await other.succeed(given!), ['STORED']);
  });

  it('has what was lost with it, until another has that: over TellResult too, named or not', async () => {
    await enqueue(alice, {}, {});
    const worker = await openWorker(alice, { clientId: 'robot' });
    const [first, second] = (await worker.receive(2)).map(nameOf) as [Named, Named];
    await worker.cancel();
    await until('lost', async () => (await describeTask(alice, second.taskId)).state === TaskState.READY);
    for (const clientId of ['robot', '', 'other']) {
      assert.deepEqual(await tell(mallory, clientId, { succeeded: [first] }), ['STALE'], clientId);
    }
    assert.deepEqual(await tell(alice, 'other', { succeeded: [first] }), ['STALE']);
    assert.deepEqual(await tell(alice, '', { succeeded: [first] }), ['STORED']);
    assert.deepEqual(await tell(alice, 'robot', { succeeded: [second] }), ['STORED']);
  });

  it('has told what it has told: to another that names the delivery it is STALE, also after a failure that is retried', async () => {
    await enqueue(alice, {}, {}, { maxAttempts: 1 });
    const worker = await openWorker(alice, { clientId: 'robot' });
    const [done, failed, last] = (await worker.receive(3)).map(nameOf) as [Named, Named, Named];
    const error = { code: 'BROKEN', message: 'it broke' };
    const reports = {
      succeeded: [done],
      failed: [
        { ...failed, error },
        { ...last, error },
      ],
    };
    assert.deepEqual(await worker.report(reports), ['STORED', 'STORED', 'STORED']);
    for (const clientId of ['robot', '', 'other']) {
      assert.deepEqual(await tell(mallory, clientId, reports), ['STALE', 'STALE', 'STALE'], clientId);
    }
    assert.deepEqual(await tell(alice, 'other', reports), ['STALE', 'STALE', 'STALE']);
    assert.deepEqual(await tell(alice, '', reports), ['DUPLICATE', 'DUPLICATE', 'DUPLICATE']);
    assert.deepEqual(await worker.report(reports), ['DUPLICATE', 'DUPLICATE', 'DUPLICATE']);
  });

  it('is refused where another serves as its client, unless it comes back', async () => {
    const open = async (name: string, clientId: string) => {
      const { text } = await scene.access.token({ roles: [Role.WORKER, Role.PRODUCER] }, { name });
      const callee = await openServe(scene.address, clientId, { methods: ['p.S/M'] }, undefined, text);
      return { callee, clients: connect(scene, {}, text) };
    };
    const away = await openWorker(alice, { clientId: 'robot', ephemeral: true });
    await away.cancel();
    const { callee, clients: own } = await open('server', 'robot');
    const beside = { clientId: 'robot', isFull: false };
    const refusal = /^ALREADY_EXISTS contact-session: robot serves over another stream/;
    assert.match(await refusalOf(openWorker(mallory, beside)), refusal);
    assert.match(await refusalOf(openWorker(alice, beside)), refusal);
    const resume = { previousSession: away.sessionId, holding: [] };
    assert.equal((await openWorker(alice, { ...beside, ephemeral: true, resume })).registered.resumed, true);
    await openWorker(own, beside);
    await openWorker(mallory, { ...beside, clientId: 'other' });
    callee.cut();
    await until('it serves no more', async () => (await refusalOf(openWorker(mallory, beside))) === 'OK');
  });

  it('is drained and disconnected by its client id, whosever it is, and so is who comes next by that', async () => {
    const admin = connect(scene, {}, scene.operator);
    const both = [await openWorker(alice, { clientId: 'robot' }), await openWorker(mallory, { clientId: 'robot' })];
    const isDraining = ({ messages }: (typeof both)[0]) => messages.some(({ event }) => event.case === 'drain');
    await ask(admin, AdminService.method.drainClient, { clientId: 'robot' });
    await until('both are told', () => both.every(isDraining));
    await ask(admin, AdminService.method.disconnectClient, { clientId: 'robot' });
    const ends = await Promise.all(both.map(async ({ ended }) => closeOf(await ended)));
    assert.deepEqual(ends, ['OPERATOR backoff', 'OPERATOR backoff']);
    const next = await openWorker(mallory, { clientId: 'robot' });
    await until('it is told', () => isDraining(next));
  });

  it('has no Serve of another beside it', async () => {
    await openWorker(alice, { clientId: 'robot' });
    const serve = async (name: string) => {
      const { text } = await scene.access.token({ roles: [Role.WORKER] }, { name });
      const { code } = await callMethod(scene.address, ReverseService.method.serve, {
        requests: [{ announce: { methods: ['p.S/M'] } }] as never,
        headers: { authorization: `Bearer ${text}`, 'contact-client': name === 'elsewhere' ? 'other' : 'robot' },
        answers: 1,
      });
      return code;
    };
    assert.equal(await serve('outsider'), 'ALREADY_EXISTS');
    assert.equal(await serve('elsewhere'), 'OK');
  });

  it('has its deliveries ended by nobody else, over TellResult', async () => {
    await enqueue(alice, {});
    const worker = await openWorker(alice, { clientId: 'robot' });
    const [task] = await worker.receive(1);
    for (const clientId of ['robot', '', 'other']) {
      assert.deepEqual(await tell(mallory, clientId, { succeeded: [nameOf(task!)] }), ['STALE']);
    }
    assert.deepEqual(await worker.succeed(task!), ['STORED']);
  });
});
