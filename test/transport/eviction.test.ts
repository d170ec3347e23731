import assert from 'node:assert/strict';
import { status } from '@grpc/grpc-js';
import { AdminService, TaskState } from '../../gen/index.ts';
import { newSessionId } from '../../shared/ids.ts';
import { ask, connect, describeTask, enqueue } from '../scene/clients.ts';
import { closeScene } from '../scene/end.ts';
import { startScene } from '../scene/server.ts';
import { never, until } from '../scene/until.ts';
import { closeOf, nameOf, openWorker, statusOf, tell, writeIdentity } from '../scene/worker.ts';

describe("a client's place", () => {
  afterEach(closeScene);

  it('is not taken from one that drew its id, whoever names that id', async () => {
    const clients = connect(await startScene());
    await enqueue(clients, {});
    const drawn = await openWorker(clients, { clientId: 'host:1:abc', ephemeral: true });
    const [task] = await drawn.receive(1);
    let hasEnded = false;
    drawn.ended.then(() => {
      hasEnded = true;
    });
    const { clients: listed } = await ask(clients, AdminService.method.listClients, {});
    const clientId = listed[0]!.id;
    for (const ephemeral of [false, true]) await openWorker(clients, { clientId, ephemeral });
    const resume = { previousSession: newSessionId(), holding: [nameOf(task!)] };
    const guessed = await openWorker(clients, { clientId, resume });
    assert.equal(guessed.registered.closed.length, 1);
    await never('an end', () => hasEnded, 100);
    assert.deepEqual(await drawn.succeed(task!), ['STORED']);
    const back = await openWorker(clients, {
      clientId,
      ephemeral: true,
      resume: { previousSession: drawn.sessionId, holding: [] },
    });
    assert.equal(back.registered.resumed, true);
    assert.equal(closeOf(await drawn.ended), 'RESUMED never');
  });

  it('is told of its credit in force, whichever of its streams comes first', async () => {
    const { contact } = connect(await startScene());
    const metadata = writeIdentity('w', newSessionId());
    const down = contact.getTask({ queues: ['q'], maxInFlight: 100 }, metadata);
    down.on('error', () => undefined);
    const credits: number[] = [];
    down.on('data', ({ event }) => event.case === 'registered' && credits.push(event.value.maxInFlight));
    await new Promise((resolve) => setTimeout(resolve, 20));
    const up = contact.sendStatus(metadata);
    up.on('error', () => undefined);
    up.write({});
    await until('it is registered', () => credits.length === 1);
    assert.deepEqual(credits, [100]);
    down.cancel();
    up.cancel();
  });

  it('stays drained when one that drew its id resumes', async () => {
    const clients = connect(await startScene({ resumeWindowMs: 60_000 }));
    const drawn = await openWorker(clients, { clientId: 'drawn', ephemeral: true });
    await ask(clients, AdminService.method.drainClient, { clientId: 'drawn' });
    const resume = { previousSession: drawn.sessionId, holding: [] };
    const back = await openWorker(clients, { clientId: 'drawn', ephemeral: true, resume });
    await until('it is told', () => back.messages.some(({ event }) => event.case === 'drain'));
    await enqueue(clients, {});
    await never('a task', () => back.tasks.length > 0, 100);
    await ask(clients, AdminService.method.resumeClient, { clientId: 'drawn' });
    await back.receive(1);
  });
});

describe("a word about another client's delivery", () => {
  afterEach(closeScene);

  it('is STALE on every stream, and without a name it speaks for whoever has it', async () => {
    const clients = connect(await startScene());
    const [id] = await enqueue(clients, { maxAttempts: 2 });
    const owner = await openWorker(clients, { clientId: 'owner' });
    const [task] = await owner.receive(1);
    const named = nameOf(task!);
    const other = await openWorker(clients, { clientId: 'other', queues: ['none'] });
    const word = { succeeded: [named], failed: [named], released: [named], stopped: [named] };
    assert.deepEqual(await other.report(word), ['STALE', 'STALE', 'STALE', 'STALE']);
    assert.deepEqual(await tell(clients, 'other', { succeeded: [named], released: [named] }), ['STALE', 'STALE']);
    assert.equal((await describeTask(clients, id!)).state, TaskState.RUNNING);
    assert.deepEqual(await tell(clients, '', { succeeded: [named] }), ['STORED']);
    assert.deepEqual(await owner.succeed(named), ['DUPLICATE']);
  });

  it('is STALE too while its client is away and after a restart', async () => {
    const scene = await startScene({ isDurable: true, resumeWindowMs: 60_000 });
    const clients = connect(scene);
    await enqueue(clients, {});
    const owner = await openWorker(clients, { clientId: 'owner' });
    const named = nameOf((await owner.receive(1))[0]!);
    await owner.cancel();
    assert.deepEqual(await tell(clients, 'other', { succeeded: [named] }), ['STALE']);
    await scene.restart();
    const again = connect(scene);
    assert.deepEqual(await tell(again, 'other', { succeeded: [named], released: [named] }), ['STALE', 'STALE']);
    assert.deepEqual(await tell(again, 'owner', { succeeded: [named] }), ['STORED']);
  });

  it('stores no checkpoint', async () => {
    const clients = connect(await startScene());
    await enqueue(clients, {});
    const owner = await openWorker(clients, { clientId: 'owner' });
    const named = nameOf((await owner.receive(1))[0]!);
    const other = await openWorker(clients, { clientId: 'other', queues: ['none'] });
    owner.send({ checkpoints: [{ ...named, data: Buffer.from('mine') }] });
    await owner.report({ released: [{ ...named, delivery: 77 }] });
    other.send({ checkpoints: [{ ...named, data: Buffer.from('theirs') }] });
    await other.report({ released: [named] });
    await owner.report({ released: [named] });
    const [, next] = await owner.receive(2);
    assert.equal(Buffer.from(next!.checkpoint).toString(), 'mine');
  });
});

describe('queue names', () => {
  afterEach(closeScene);

  it('of all sessions are bounded, few are always taken, and they are given back', async () => {
    // Some seconds of work for this process, on a machine that others use too: none of them is to be taken for dead.
    const clients = connect(await startScene({ pingIntervalMs: 20_000 }));
    let registered = 0;
    const open = (count: number, id: string) => {
      const queues = Array.from({ length: count }, (_, n) => `${id}-${n}`);
      const stream = clients.contact.getTask({ queues }, writeIdentity(id));
      stream.on('data', () => {
        registered += 1;
      });
      return { stream, ended: statusOf(stream) };
    };
    const many = Array.from({ length: 101 }, (_, n) => open(1_000, `many-${n}`));
    await until('nearly all are in', () => registered === 101);
    const refused = await open(1_000, 'refused').ended;
    assert.equal(refused.code, status.RESOURCE_EXHAUSTED);
    assert.match(refused.details, /^queues: /);
    const few = open(16, 'few');
    await until('few are in', () => registered === 102);
    many[0]!.stream.cancel();
    await many[0]!.ended;
    const again = open(900, 'again');
    await until('there is room again', () => registered === 103);
    for (const { stream } of [...many, few, again]) stream.cancel();
  }).timeout(120_000);
});
