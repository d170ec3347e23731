import assert from 'node:assert/strict';
import { readFileSync } from 'node:fs';
import { join } from 'node:path';
import { Role } from '../../gen/index.ts';
import { createAccessScene } from '../scene/access.ts';
import { type Clients, connect, describeTask, enqueue, refusalOf } from '../scene/clients.ts';
import { closeScene } from '../scene/end.ts';
import { createFolder } from '../scene/folder.ts';
import { cleanUpProcesses, type ServerProcess, startServer } from '../scene/process.ts';
import { nameOf, openWorker, type RawWorker, tell } from '../scene/worker.ts';

const WORKER = { clientId: 'robot', queues: ['q'] };

describe('a server that is killed while two principals may come by one client id', function () {
  this.timeout(60_000);
  afterEach(closeScene);
  cleanUpProcesses();

  function start(folder: string, auth: 'on' | 'off', address?: string): Promise<ServerProcess> {
    const args = ['--auth', auth, '--resume-window', '30s', '--ping-interval', '1s'];
    return startServer({
      store: `sqlite:${join(folder, 'contact.db')}`,
      args,
      ...(address === undefined ? {} : { listen: address }),
    });
  }

  const readOperator = (folder: string): string =>
    readFileSync(join(folder, 'contact.db.operator-token'), 'utf8').trim();

  async function openToken(server: ServerProcess, folder: string, name: string): Promise<Clients> {
    const access = createAccessScene(server, readOperator(folder));
    return connect(server, {}, (await access.token({ roles: [Role.WORKER, Role.PRODUCER] }, { name })).text);
  }

  async function kill(server: ServerProcess, ...workers: readonly RawWorker[]): Promise<void> {
    await server.kill();
    await Promise.all(workers.map(({ ended }) => ended));
  }

  it('leaves the client id, and what it had, to whose it was, although the other comes back first', async () => {
    const folder = createFolder();
    let server = await start(folder, 'on');
    const [alice, mallory] = [await openToken(server, folder, 'alice'), await openToken(server, folder, 'mallory')];
    const ids = await enqueue(alice, { maxAttempts: 1 }, { maxAttempts: 1 });
    const before = await openWorker(alice, WORKER);
    const held = (await before.receive(2)).map(nameOf);
    before.send({ started: held });
    await kill(server, before);

    server = await start(folder, 'on', server.address);
    const resume = (worker: RawWorker) => ({ previousSession: worker.sessionId, holding: held });
    const taken = /^ALREADY_EXISTS contact-client: robot is the client of another principal/;
    for (const more of [{}, { ephemeral: true }, { resume: resume(before) }]) {
      assert.match(await refusalOf(openWorker(mallory, { ...WORKER, ...more })), taken);
    }
    const succeeded = held.map((one) => ({ ...one, result: Buffer.from('stolen') }));
    assert.deepEqual(await tell(mallory, 'robot', { succeeded }), ['STALE', 'STALE']);
    await kill(server);

    server = await start(folder, 'on', server.address);
    const after = await openWorker(alice, { ...WORKER, resume: resume(before) });
    assert.deepEqual([after.registered.resumed, after.registered.closed], [true, []]);
    assert.deepEqual(await after.succeed(...held), ['STORED', 'STORED']);
    for (const id of ids) {
      const { attempt, delivery, result } = await describeTask(alice, id);
      assert.deepEqual([attempt, delivery, Buffer.from(result).toString()], [1, 1, 'done']);
    }
    await kill(server, after);

    server = await start(folder, 'on', server.address);
    assert.match(await refusalOf(openWorker(mallory, WORKER)), taken, 'also when it is away with nothing');
    await kill(server);
  });

  it('goes on with what ran while authentication is turned on, and off again', async () => {
    const folder = createFolder();
    let server = await start(folder, 'on');
    const alice = await openToken(server, folder, 'alice');
    await kill(server);
    server = await start(folder, 'off', server.address);
    const nobody = connect(server);
    await enqueue(nobody, { maxAttempts: 1 }, { maxAttempts: 1 });
    let worker = await openWorker(nobody, WORKER);
    const held = (await worker.receive(2)).map(nameOf);
    worker.send({ started: held });
    for (const auth of ['on', 'off'] as const) {
      const { sessionId: previousSession } = worker;
      await kill(server, worker);
      server = await start(folder, auth, server.address);
      const resume = { previousSession, holding: held };
      worker = await openWorker(auth === 'on' ? alice : nobody, { ...WORKER, resume });
      assert.deepEqual([worker.registered.resumed, worker.registered.closed], [true, []], auth);
      assert.deepEqual(await worker.succeed(held.pop()!), ['STORED'], auth);
    }
    await kill(server, worker);
  });
});
