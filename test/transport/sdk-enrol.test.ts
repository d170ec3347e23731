import assert from 'node:assert/strict';
import { readFileSync, statSync, writeFileSync } from 'node:fs';
import { join as joinPath } from 'node:path';
import {
  type Access,
  CallError,
  type ContactError,
  CredentialKind,
  createAccess,
  createAdmin,
  createCaller,
  createObserver,
  createProducer,
  createWorker,
  type JoinOptions,
  type RoleName,
} from '../../client/index.ts';
import { Echo } from '../echo/gen/echo_pb.ts';
import { type GuardedScene, startGuarded } from '../scene/access.ts';
import { recordCalls } from '../scene/asked.ts';
import { createEcho } from '../scene/echo.ts';
import { closeScene, use, useWorker } from '../scene/end.ts';
import { createFolder } from '../scene/folder.ts';
import { connectTo } from '../scene/server.ts';
import { until } from '../scene/until.ts';

const EVERYTHING = { queues: ['*'], clients: ['*'], calls: ['*'], serves: ['*'] };
const ROLES: Exclude<RoleName, 'operator'>[] = ['worker', 'producer', 'observer'];
const quiet = { info: () => undefined, warn: () => undefined };

describe('clients that join', () => {
  let scene: GuardedScene;
  let access: Access;
  let file: string;

  beforeEach(async () => {
    scene = await startGuarded();
    access = use(createAccess({ ...connectTo(scene.address), token: scene.operator }));
    file = joinPath(createFolder(), 'robot-7');
  });
  afterEach(closeScene);

  async function makeJoin(given: Partial<JoinOptions> = {}): Promise<string> {
    const { join } = await access.createJoin({ name: 'fleet', ...EVERYTHING, addresses: [scene.address], ...given });
    return join;
  }

  function startWorker(given: object = {}) {
    const connection = { backoff: { baseMs: 20, capMs: 100 }, logger: quiet, credentialFile: file };
    return useWorker(createWorker({ ...connection, queues: ['robots/robot-7'], handler: (n) => n, ...given }));
  }

  async function clientCredentials() {
    const all = [];
    for await (const one of access.listAllCredentials()) if (one.kind === CredentialKind.CLIENT) all.push(one);
    return all;
  }

  it('work by the text alone, and the next time by their file alone', async () => {
    const join = await makeJoin({ queues: ['robots/{client}'], clients: ['robot-*'] });
    const calls = recordCalls(scene.address);
    const worker = startWorker({ join, clientId: 'robot-7' });
    await worker.connected();
    const producer = use(createProducer({ ...connectTo(scene.address), token: scene.operator }));
    assert.equal(await producer.call('robots/robot-7', 5), 5);
    await worker.stop();
    assert.equal(statSync(file).mode & 0o777, 0o600);
    assert.equal(calls.filter(({ path }) => path.endsWith('/Enrol')).length, 1);
    const again = startWorker();
    await again.connected();
    assert.equal(again.clientId, 'robot-7');
    assert.equal(await producer.call('robots/robot-7', 6), 6);
    assert.equal(calls.filter(({ path }) => path.endsWith('/Enrol')).length, 1);
    const [credential, ...others] = await clientCredentials();
    assert.deepEqual([credential?.principal, others.length], ['client:robot-7', 0]);
  });

  it('are one credential, and one use, when they were killed before they had read the answer', async () => {
    const join = await makeJoin({ uses: 1 });
    const worker = startWorker({ join, clientId: 'robot-7' });
    await worker.connected();
    await worker.stop();
    writeFileSync(file, readFileSync(file, 'utf8').replace('"enrolled": true', '"enrolled": false'));
    await startWorker({ join, clientId: 'robot-7' }).connected();
    assert.equal((await clientCredentials()).length, 1);
  });

  it('enrol once however many objects of theirs begin at the same time, and each is let in', async () => {
    const join = await makeJoin({ uses: 1, roles: ROLES });
    const connection = { join, joinAs: 'robot-7', credentialFile: file, logger: quiet };
    const worker = startWorker({ ...connection, queues: ['q'] });
    worker.serve(Echo, createEcho());
    const producer = use(createProducer(connection));
    const observer = use(createObserver(connection));
    const admin = use(createAdmin(connection));
    const caller = use(createCaller({ ...connection, clientId: 'robot-7', waitMs: 20_000 }));
    const results = observer.results({ from: 'oldest' });
    const [called, settled, { queues }, { body }] = await Promise.all([
      producer.call('q', 7),
      results.next(),
      admin.listQueues(),
      caller.stub(Echo).unary({ body: Buffer.from('live') }),
    ]);
    assert.equal(called, 7);
    assert.equal(settled.value?.state, 'succeeded');
    assert.ok(Array.isArray(queues));
    assert.equal(Buffer.from(body).toString(), 'live');
    assert.equal((await clientCredentials()).length, 1);
  });

  it('wait for a server that is away, and come in when it is there', async () => {
    const join = await makeJoin();
    await scene.stop({ deadlineMs: 0 });
    const worker = startWorker({ join, clientId: 'robot-7' });
    await new Promise((resolve) => worker.status$.subscribe(({ state }) => state === 'connecting' && resolve(null)));
    await assert.rejects(use(createAdmin({ join, joinAs: 'robot-7', credentialFile: file })).serverInfo(), {
      code: 'UNAVAILABLE',
    });
    await scene.start();
    // It is in memory: what it knew is gone, and the join with it.
    await assert.rejects(worker.finished, { code: 'UNAUTHENTICATED', field: 'join' });
  });

  it('end with what is wrong when the join is used up, expired, revoked, for others, or when they are there already', async () => {
    const usedUp = await makeJoin({ uses: 1 });
    await startWorker({ join: usedUp, clientId: 'robot-7' }).connected();
    const refused = async (join: string, clientId: string, expected: object): Promise<string> => {
      const worker = startWorker({ join, clientId, credentialFile: `${file}.${Math.random()}` });
      let message = '';
      await assert.rejects(worker.finished, (error: ContactError) => {
        ({ message } = error);
        const { code, field } = error;
        assert.deepEqual(
          { code, field, reason: error.advice?.reason },
          { field: 'join', reason: undefined, ...expected },
        );
        assert.ok(!message.includes(join.slice(0, 20)));
        return true;
      });
      return message;
    };
    const exhausted = { code: 'RESOURCE_EXHAUSTED', reason: 'RESOURCE_EXHAUSTED' };
    assert.match(await refused(usedUp, 'robot-8', exhausted), /let in as many clients as it may/);
    assert.match(await refused(await makeJoin(), 'robot-7', { code: 'ALREADY_EXISTS' }), /revoke it first/);
    const others = await makeJoin({ clients: ['printer-*'] });
    assert.match(await refused(others, 'robot-8', { code: 'PERMISSION_DENIED' }), /not for robot-8/);
    const { join, credential } = await access.createJoin({ name: 'j', ...EVERYTHING, addresses: [scene.address] });
    await access.revoke(credential.id);
    await refused(join, 'robot-8', { code: 'PERMISSION_DENIED', reason: 'REVOKED' });
    const short = await makeJoin({ lifetimeMs: 1_000 });
    await until(async () => {
      for await (const one of access.listAllCredentials())
        if (one.kind === CredentialKind.JOIN && Number(one.expiresAt?.seconds ?? 2 ** 40) * 1_000 <= Date.now() - 1_000)
          return true;
      return false;
    });
    const expired = await refused(short, 'robot-8', { code: 'UNAUTHENTICATED', reason: 'EXPIRED' });
    assert.match(expired, /contact join create$/);
  });

  it('tell callers by the error of their calls that they are not let in, live and durable', async () => {
    const join = await makeJoin({ clients: ['printer-*'] });
    const caller = use(createCaller({ join, joinAs: 'robot-7', credentialFile: file, logger: quiet, waitMs: 5_000 }));
    const stub = caller.stub(Echo);
    for (const given of [{}, { waitMs: 0 }, { mode: 'durable' as const }]) {
      await assert.rejects(stub.unary({}, given), (error: unknown) => {
        assert.ok(error instanceof CallError, String(error));
        assert.deepEqual([error.code, error.started], ['PERMISSION_DENIED', 'no']);
        return true;
      });
    }
  });

  it('end at once when they are revoked, their tasks go to others, and their join text does not let them in again', async () => {
    const join = await makeJoin({ queues: ['q'], uses: 3 });
    const holding = startWorker({
      join,
      clientId: 'robot-7',
      queues: ['q'],
      handler: () => new Promise(() => undefined),
    });
    await holding.connected();
    const producer = use(createProducer({ ...connectTo(scene.address), token: scene.operator }));
    const answer = producer.call('q', 'taken over', { deadlineMs: 30_000 });
    const admin = use(createAdmin({ ...connectTo(scene.address), token: scene.operator }));
    await until(async () => (await admin.listQueues()).queues[0]?.running === 1);
    const credential = (await clientCredentials())[0]!;
    const beganAt = performance.now();
    await access.revoke(credential.id);
    await assert.rejects(holding.finished, (error: ContactError) => {
      assert.deepEqual([error.code, error.advice?.reason], ['UNAUTHENTICATED', 'REVOKED']);
      return true;
    });
    assert.ok(performance.now() - beganAt < 1_000);
    await startWorker({ join, clientId: 'robot-8', queues: ['q'], credentialFile: `${file}.8` }).connected();
    assert.equal(await answer, 'taken over');
    const again = startWorker({ join, clientId: 'robot-7', credentialFile: `${file}.again` });
    await assert.rejects(again.finished, { code: 'PERMISSION_DENIED', field: 'join' });
  });
});

describe('createAccess()', () => {
  let scene: GuardedScene;
  let access: Access;

  beforeEach(async () => {
    scene = await startGuarded();
    access = use(createAccess({ ...connectTo(scene.address), token: scene.operator }));
  });
  afterEach(closeScene);

  it('makes a token that is told once, lists it, and ends it', async () => {
    const { token, credential } = await access.createToken({
      name: 'web',
      roles: ['producer'],
      queues: ['mail/*'],
      lifetimeMs: 90 * 86_400_000,
    });
    assert.match(token, new RegExp(`^ct_${credential.id}_[A-Za-z0-9_-]{43}$`));
    const mine = use(createAccess({ ...connectTo(scene.address), token }));
    const { principal, kind, rights } = await mine.describeCaller();
    assert.deepEqual([principal, kind, rights?.queues], ['token:web', 'token', ['mail/*']]);
    const producer = use(createProducer({ ...connectTo(scene.address), token }));
    assert.ok((await producer.enqueue('mail/eu', 1)).id);
    await assert.rejects(producer.enqueue('sms', 1), { code: 'PERMISSION_DENIED' });
    await assert.rejects(mine.listCredentials(), { code: 'PERMISSION_DENIED' });
    const { credentials } = await access.listCredentials();
    assert.ok(credentials.some(({ id, name }) => id === credential.id && name === 'web'));
    await access.revoke(credential.id);
    await assert.rejects(mine.describeCaller(), /this credential was revoked; an operator has to let/);
    await assert.rejects(access.revoke('0'.repeat(16)), { code: 'NOT_FOUND' });
  });

  it('rotates the token of a worker that goes on without a task run twice', async () => {
    const folder = createFolder();
    const file = joinPath(folder, 'token');
    const { token, credential } = await access.createToken({ name: 'w', roles: ['worker'], ...EVERYTHING });
    writeFileSync(file, token, { mode: 0o600 });
    let runs = 0;
    const finish = Promise.withResolvers<string>();
    const worker = useWorker(
      createWorker({
        ...connectTo(scene.address),
        tokenFile: file,
        clientId: 'w',
        queues: ['q'],
        logger: quiet,
        handler: () => {
          runs += 1;
          return finish.promise;
        },
      }),
    );
    await worker.connected();
    const producer = use(createProducer({ ...connectTo(scene.address), token: scene.operator }));
    const answer = producer.call('q', 1);
    await until(() => runs === 1);
    const next = await access.rotate(credential.id, { overlapMs: 1_000 });
    writeFileSync(file, next.token, { mode: 0o600 });
    const caller = use(createAccess({ ...connectTo(scene.address), token }));
    await until(() =>
      caller.describeCaller().then(
        () => false,
        () => true,
      ),
    );
    finish.resolve('done');
    assert.equal(await answer, 'done');
    assert.equal(runs, 1);
    await scene.restart();
    assert.notEqual(next.token, token);
  });

  it('refuses what is wrong in the caller’s own turn, and names it', async () => {
    const wrong: [string, Promise<unknown>][] = [
      ['name', access.createToken({ roles: ['worker'] } as never)],
      ['roles', access.createToken({ name: 'n', roles: [] })],
      ['roles[0]', access.createToken({ name: 'n', roles: ['boss'] as never })],
      ['roles[0]', access.createJoin({ name: 'n', roles: ['operator'] as never })],
      ['queues', access.createToken({ name: 'n', roles: ['worker'], queues: 'q' as never })],
      ['lifetimeMs', access.createToken({ name: 'n', roles: ['worker'], lifetimeMs: 1_500 })],
      ['clientLifetimeMs', access.createJoin({ name: 'n', clientLifetimeMs: 1_000 })],
      ['uses', access.createJoin({ name: 'n', uses: 0 })],
      ['addresses[0]', access.createJoin({ name: 'n', addresses: ['nowhere'] })],
      ['addresses', access.createJoin({ name: 'n', addresses: [] })],
      ['overlapMs', access.rotate('0'.repeat(16), { overlapMs: 1 })],
      ['id', access.revoke('')],
      ['rights.queues[0]', access.createToken({ name: 'n', roles: ['worker'], queues: ['a*b'] })],
    ];
    for (const [field, promise] of wrong) {
      await assert.rejects(promise, (error: ContactError) => {
        assert.deepEqual([error.code, error.field], ['INVALID_ARGUMENT', field]);
        return true;
      });
    }
  });
});
