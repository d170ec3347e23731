import assert from 'node:assert/strict';
import { once } from 'node:events';
import { create, type MessageInitShape, toBinary } from '@bufbuild/protobuf';
import { credentials, status } from '@grpc/grpc-js';
import {
  AdminService,
  type AnnounceSchema,
  ReverseService,
  Role,
  ServeRequestSchema,
  TaskState,
} from '../../gen/index.ts';
import { createClient, methodPath } from '../../shared/grpc.ts';
import { newSessionId } from '../../shared/ids.ts';
import { bearer, type GuardedScene, startGuarded } from '../scene/access.ts';
import { ask, type Clients, connect, describeTask, enqueue, refusalOf } from '../scene/clients.ts';
import { atEnd, closeScene } from '../scene/end.ts';
import { callMethod } from '../scene/methodcall.ts';
import { openServe } from '../scene/rawcallee.ts';
import { until } from '../scene/until.ts';
import { closeOf, type Named, nameOf, openWorker, statusOf, tell, writeIdentity } from '../scene/worker.ts';

const TAKEN =
  /^ALREADY_EXISTS (?:contact-client: )?robot(?:-7)? is the client of another principal: take another client id, /;

const asItIs = (bytes: Buffer): Buffer => bytes;

describe('a session of a principal', () => {
  let scene: GuardedScene;
  /** Two that may be any client, and have the same rights. */
  let alice: Clients;
  let mallory: Clients;
  /** Of their tokens, by their names. */
  let ids: Map<string, string>;
  let texts: Map<string, string>;

  beforeEach(async () => {
    scene = await startGuarded({ pairingMs: 50 });
    [ids, texts] = [new Map(), new Map()];
    const open = async (name: string) => {
      const { id, text } = await scene.access.token({ roles: [Role.WORKER, Role.PRODUCER] }, { name });
      ids.set(name, id);
      texts.set(name, text);
      return connect(scene, {}, text);
    };
    [alice, mallory] = [await open('alice'), await open('mallory')];
  });

  afterEach(closeScene);

  /** What becomes of a Serve of this principal as that client, at its first answer. */
  async function serveAs(name: string, clientId: string): Promise<string> {
    const { code, details } = await callMethod(scene.address, ReverseService.method.serve, {
      requests: [{ announce: { methods: ['p.S/M'] } }] as never,
      headers: { authorization: `Bearer ${texts.get(name)}`, 'contact-client': clientId },
      answers: 1,
    });
    return code === 'OK' ? code : `${code} ${details}`;
  }

  /** A Serve of mallory as that client, which has not said what it serves: how it ends once it does. */
  async function serveSilently(clientId: string) {
    const client = createClient(ReverseService, scene.address, credentials.createInsecure());
    atEnd(() => client.close());
    const metadata = bearer(texts.get('mallory')!);
    metadata.set('contact-client', clientId);
    const path = methodPath(ReverseService.method.serve);
    const stream = client.makeBidiStreamRequest(path, asItIs, asItIs, metadata);
    const ended = statusOf(stream);
    await once(stream, 'data');
    return {
      announce(announce: MessageInitShape<typeof AnnounceSchema>) {
        stream.write(Buffer.from(toBinary(ServeRequestSchema, create(ServeRequestSchema, { announce }))));
        return ended;
      },
    };
  }

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

  it('is not resumed by another, who is refused its client id and gets nothing of what it holds', async () => {
    await enqueue(alice, { queue: 'hers', maxAttempts: 1 });
    const worker = await openWorker(alice, { clientId: 'robot', ephemeral: true, queues: ['hers'] });
    const [task] = await worker.receive(1);
    const resume = { previousSession: worker.sessionId, holding: [nameOf(task!)] };
    const refused = openWorker(mallory, { clientId: 'robot', ephemeral: true, queues: ['none'], resume });
    assert.match(await refusalOf(refused), TAKEN);
    assert.deepEqual(await worker.succeed(task!), ['STORED']);
  });

  it('has its client id for itself: another that comes by it is refused, while it is there and when it is away', async () => {
    const admin = connect(scene, {}, scene.operator);
    const target = { case: 'clientId', value: 'robot' } as const;
    const worker = await openWorker(alice, { clientId: 'robot', queues: ['q'], labels: { site: 'berlin' } });
    const { client: before } = await ask(admin, AdminService.method.describeClient, { clientId: 'robot' });
    assert.equal(before!.principal, 'token:alice');
    const comeAsRobot = async () =>
      Promise.all([
        refusalOf(openWorker(mallory, { clientId: 'robot', queues: ['q'] })),
        refusalOf(openWorker(mallory, { clientId: 'robot', queues: ['q'], isFull: false, ephemeral: true })),
        serveAs('mallory', 'robot'),
      ]);
    for (const refusal of await comeAsRobot()) assert.match(refusal, /^ALREADY_EXISTS contact-(?:client|session): /);
    await worker.cancel();
    await until('its session is over', async () => {
      const { client } = await ask(admin, AdminService.method.describeClient, { clientId: 'robot' });
      return client!.connected === false;
    });
    await enqueue(alice, { queue: 'q', target });
    for (const refusal of await comeAsRobot()) assert.match(refusal, TAKEN);
    const { client: after } = await ask(admin, AdminService.method.describeClient, { clientId: 'robot' });
    assert.deepEqual(
      [after!.labels, after!.queues, after!.draining, after!.principal, after!.services],
      [{ site: 'berlin' }, ['q'], false, 'token:alice', []],
    );
    const again = await openWorker(alice, { clientId: 'robot', queues: ['q'] });
    assert.deepEqual(await again.succeed(...(await again.receive(1))), ['STORED']);
  });

  it('leaves its client id to others once an operator has it forgotten, or no credential of its principal lives', async () => {
    const admin = connect(scene, {}, scene.operator);
    const forget = () => refusalOf(ask(admin, AdminService.method.forgetClient, { clientId: 'robot' }));
    const worker = await openWorker(alice, { clientId: 'robot' });
    assert.match(await forget(), /^FAILED_PRECONDITION client_id: robot is connected/);
    await enqueue(alice, {});
    await worker.receive(1);
    await worker.cancel();
    const isAwaited = /^FAILED_PRECONDITION client_id: robot may still come back to its session, and has the tasks/;
    await until('it is away', async () => isAwaited.test(await forget()));
    assert.match(await refusalOf(openWorker(mallory, { clientId: 'robot' })), TAKEN, 'its window is not over');
    await until('its window is over', async () => (await forget()) === 'OK');
    assert.match(await forget(), /^NOT_FOUND/);
    const idle = await openWorker(mallory, { clientId: 'robot', isFull: false, queues: ['none'] });
    await idle.cancel();
    await until('it has nothing to come back to', async () => (await forget()) === 'OK');
    const next = await openWorker(mallory, { clientId: 'robot' });
    assert.match(await refusalOf(openWorker(alice, { clientId: 'robot' })), TAKEN);
    await scene.access.revoke(ids.get('mallory')!);
    assert.equal(closeOf(await next.ended), 'REVOKED never');
    await openWorker(alice, { clientId: 'robot' });
  });

  it('keeps a join from letting in a client of its id, and a client that came by one has its id before it comes', async () => {
    await openWorker(alice, { clientId: 'robot' });
    const join = await scene.access.join({ clients: ['*'], queues: ['*'] }, { uses: 2 });
    assert.match(
      await refusalOf(scene.access.enrol(join, 'robot')),
      /^ALREADY_EXISTS client_id: robot is the client of/,
    );
    const enrolled = connect(scene, {}, (await scene.access.enrol(join, 'robot-7')).text);
    assert.match(await refusalOf(openWorker(mallory, { clientId: 'robot-7' })), TAKEN);
    await openWorker(enrolled, { clientId: 'robot-7' });
  });

  it('has what it had when its principal has come to an end: who comes next by its client id ends nothing of it', async () => {
    await enqueue(alice, {});
    const worker = await openWorker(alice, { clientId: 'robot' });
    const [kept] = (await worker.receive(1)).map(nameOf) as [Named];
    await scene.access.revoke(ids.get('alice')!);
    await worker.ended;
    const resume = { previousSession: worker.sessionId, holding: [kept] };
    const next = await openWorker(mallory, { clientId: 'robot', queues: ['none'], resume });
    assert.deepEqual([next.registered.resumed, next.registered.closed.map(nameOf)], [false, [kept]]);
    assert.deepEqual(await next.report({ succeeded: [kept] }), ['STALE']);
    next.send({ checkpoints: [{ ...kept, data: Buffer.from('theirs') }] });
    const taker = await openWorker(mallory, { clientId: 'taker' });
    const [given] = await taker.receive(1);
    assert.deepEqual([given!.taskId, given!.delivery, given!.checkpoint.length], [kept.taskId, 2, 0]);
    assert.deepEqual(await taker.succeed(given!), ['STORED']);
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
    // Who is given the task again would be told of the delivery before that it is over.
    await enqueue(alice, {}, { backoff: { baseMs: 3_600_000, capMs: 3_600_000 } }, { maxAttempts: 1 });
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

  it('is refused where another serves as its client, also while that has no name', async () => {
    const { text } = await scene.access.token({ roles: [Role.WORKER, Role.PRODUCER] }, { name: 'server' });
    const announce = { methods: ['p.S/M'], ephemeral: true };
    const callee = await openServe(scene.address, 'robot', announce, undefined, text);
    const own = connect(scene, {}, text);
    const beside = { clientId: 'robot', isFull: false, ephemeral: true };
    assert.match(await refusalOf(openWorker(mallory, beside)), TAKEN);
    assert.match(await refusalOf(openWorker(alice, beside)), TAKEN);
    await (await openWorker(own, beside)).cancel();
    await openWorker(mallory, { ...beside, clientId: 'other' });
    callee.cut();
    await until('it serves no more', async () => (await refusalOf(openWorker(mallory, beside))) === 'OK');
  });

  it('is drained and disconnected by its client id, and so is who comes next by that', async () => {
    const admin = connect(scene, {}, scene.operator);
    const worker = await openWorker(alice, { clientId: 'robot' });
    const isDraining = ({ messages }: typeof worker) => messages.some(({ event }) => event.case === 'drain');
    await ask(admin, AdminService.method.drainClient, { clientId: 'robot' });
    await until('it is told', () => isDraining(worker));
    await ask(admin, AdminService.method.disconnectClient, { clientId: 'robot' });
    assert.equal(closeOf(await worker.ended), 'OPERATOR backoff');
    const again = await openWorker(alice, { clientId: 'robot' });
    await until('it is told again', () => isDraining(again));
    await again.cancel();
    await scene.access.revoke(ids.get('alice')!);
    const next = await openWorker(mallory, { clientId: 'robot' });
    await until('whoever comes next is told', () => isDraining(next));
  });

  it('has no Serve of another beside it', async () => {
    await openWorker(alice, { clientId: 'robot', ephemeral: true });
    assert.match(await serveAs('mallory', 'robot'), TAKEN);
    assert.equal(await serveAs('mallory', 'other'), 'OK');

    const late = await serveSilently('late');
    await openWorker(alice, { clientId: 'late', ephemeral: true });
    assert.equal((await late.announce({ methods: ['p.S/M'], ephemeral: true })).code, status.ALREADY_EXISTS);
  });

  it('has its client id for itself before another who was there first and says only then what it serves', async () => {
    for (const announced of [{ methods: ['p.S/M'], ephemeral: true }, { methods: [] }, { methods: ['p.S/M'] }]) {
      const clientId = `late-${announced.methods.length}-${announced.ephemeral === true}`;
      const late = await serveSilently(clientId);
      const worker = await openWorker(alice, { clientId });
      worker.taskStream.cancel();
      worker.statusStream.cancel();
      await worker.ended;
      const { code, details } = await late.announce(announced);
      assert.equal(code, status.ALREADY_EXISTS, `${clientId}: ${details}`);
    }
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
