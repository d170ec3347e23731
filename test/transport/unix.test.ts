import assert from 'node:assert/strict';
import { existsSync, linkSync, lstatSync, mkdirSync, readdirSync, rmSync, symlinkSync, writeFileSync } from 'node:fs';
import { connect as connectSocket, createServer as createSocketServer } from 'node:net';
import { join, relative } from 'node:path';
import { status } from '@grpc/grpc-js';
import { createAdmin, createObserver, createProducer, createWorker } from '../../client/index.ts';
import { AdminService } from '../../gen/index.ts';
import { type ContactServer, createServer, type ServerOptions } from '../../server/index.ts';
import { openGetTask, openTellResult } from '../scene/classic.ts';
import { ask, type Clients, connect, describeTask, enqueue, refusalOf } from '../scene/clients.ts';
import { atEnd, closeScene } from '../scene/end.ts';
import { createFolder } from '../scene/folder.ts';
import { until } from '../scene/until.ts';

const running = new Set<ContactServer>();

async function startOn(listen: ServerOptions['listen'], options: Partial<ServerOptions> = {}): Promise<ContactServer> {
  const server = await createServer({ store: 'memory:', pingIntervalMs: 200, resumeWindowMs: 400, ...options, listen });
  running.add(server);
  await server.listen();
  return server;
}

/** What a process leaves that was killed. */
async function leaveDeadSocket(path: string): Promise<void> {
  const server = createSocketServer();
  await new Promise<void>((resolve) => server.listen(`${path}~`, resolve));
  // It removes the name that it was bound under.
  linkSync(`${path}~`, path);
  await new Promise((resolve) => server.close(resolve));
}

describe('a server on a socket file', () => {
  let folder: string;
  let path: string;

  beforeEach(() => {
    folder = createFolder();
    path = join(folder, 'contact.sock');
  });
  afterEach(async () => {
    for (const server of running) await server.close({ deadlineMs: 0 });
    running.clear();
    await closeScene();
  });

  it('serves workers, producers, observers and classic clients, past any proxy', async () => {
    const server = await createServer({ listen: `unix:${path}`, store: 'memory:' });
    running.add(server);
    assert.deepEqual(await server.listen(), { addresses: [`unix:${path}`], host: '', port: 0 });
    const before = process.env.http_proxy;
    process.env.http_proxy = 'http://127.0.0.1:9';
    atEnd(() => {
      if (before === undefined) delete process.env.http_proxy;
      else process.env.http_proxy = before;
    });
    const from = relative(process.cwd(), path);
    for (const address of [`unix:${path}`, `unix://${path}`, `unix:${from}`]) {
      const worker = createWorker({ server: address, queues: ['q'], handler: async (n: number) => n + 1 });
      const producer = createProducer<number>({ server: address });
      const observer = createObserver<number>({ server: address });
      try {
        assert.equal(await producer.call('q', 1), 2, address);
        for await (const result of observer.results({ queues: ['q'], from: 'beginning' })) {
          assert.equal(result.value(), 2);
          break;
        }
      } finally {
        await worker.stop();
        await producer.close();
        await observer.close();
      }
    }
    const clients = connect({ address: `unix:${path}` });
    const [id] = await enqueue(clients, { queue: 'default', payload: Buffer.from('text') });
    const classic = openGetTask(clients);
    assert.deepEqual(await classic.receive(1), ['text']);
    const results = openTellResult(clients);
    results.tell('TEXT');
    assert.equal((await results.end()).code, status.OK);
    assert.equal(Buffer.from((await describeTask(clients, id!)).result).toString(), 'TEXT');
  });

  it('tells its connections apart', async () => {
    await startOn(`unix:${path}`);
    const one = connect({ address: `unix:${path}` });
    const other = connect({ address: `unix:${path}` });
    await enqueue(
      one,
      { queue: 'default', payload: Buffer.from('a') },
      { queue: 'default', payload: Buffer.from('b') },
    );
    // Under one key the second would wait until the first is done.
    const first = openGetTask(one);
    const second = openGetTask(other);
    await first.receive(1);
    await second.receive(1);
    const peers = async (): Promise<Set<string>> =>
      new Set((await ask(one, AdminService.method.listClients, {})).clients.map(({ peer }) => peer));
    const both = await peers();
    assert.equal(both.size, 2);
    for (const peer of both) assert.match(peer, /^unix:[0-9a-f]{8}\.\d+$/);
    const results = openTellResult(other);
    results.tell(second.texts[0]!.toUpperCase());
    await results.end();
    // The end of one connection is the end of its own client only.
    other.channel.close();
    await until('one client is left', async () => (await peers()).size === 1);
    assert.equal((await openTellResultOf(one, 'done')).code, status.OK);
  });

  it('is for its own user alone, and leaves nothing behind', async () => {
    const server = await startOn(`unix:${path}`);
    const stat = lstatSync(path);
    assert.equal(stat.isSocket(), true);
    assert.equal(stat.mode & 0o777, 0o600);
    assert.deepEqual(readdirSync(folder), ['contact.sock']);
    await server.close({ deadlineMs: 0 });
    assert.deepEqual(readdirSync(folder), []);
  });

  it('cannot be reached by others before it is published either, however loose the mask of the process is', async () => {
    const before = process.umask(0);
    atEnd(() => void process.umask(before));
    const server = await createServer({ listen: `unix:${path}`, store: 'memory:' });
    running.add(server);
    const seen = new Map<string, number>();
    let isListening = false;
    const listening = server.listen().finally(() => {
      isListening = true;
    });
    // Between the turns of the server's own promises, so nothing that it awaits goes by unseen.
    while (!isListening && !existsSync(path)) {
      for (const name of readdirSync(folder)) seen.set(name, lstatSync(join(folder, name)).mode & 0o077);
      for (let turn = 0; turn < 20; turn++) {
        await Promise.resolve();
        for (const name of readdirSync(folder)) seen.set(name, lstatSync(join(folder, name)).mode & 0o077);
      }
      await new Promise((resolve) => process.nextTick(resolve));
    }
    await listening;
    const drafts = [...seen].filter(([name]) => name !== 'contact.sock');
    assert.deepEqual([drafts.length, drafts.every(([, others]) => others === 0)], [1, true], JSON.stringify(drafts));
    assert.deepEqual(readdirSync(folder), ['contact.sock']);
    assert.equal(lstatSync(path).mode & 0o777, 0o600);
  });

  it('takes the place of a dead one', async () => {
    await leaveDeadSocket(path);
    assert.equal(lstatSync(path).isSocket(), true);
    await startOn(`unix:${path}`);
    assert.equal((await enqueue(connect({ address: `unix:${path}` }), {})).length, 1);
    assert.deepEqual(readdirSync(folder), ['contact.sock']);
  });

  it('leaves the place of a living one alone', async () => {
    const first = await startOn(`unix:${path}`);
    const message = `listen: another process listens on ${path}`;
    await assert.rejects(startOn(`unix:${path}`), { code: 'FAILED_PRECONDITION', field: 'listen', message });
    assert.equal((await enqueue(connect({ address: `unix:${path}` }), {})).length, 1);
    await first.close({ deadlineMs: 0 });
    await startOn(`unix:${path}`);
  });

  it('is one of many that start at once beside a dead one', async () => {
    for (let round = 0; round < 10; round += 1) {
      await leaveDeadSocket(path);
      const starts = await Promise.allSettled(Array.from({ length: 5 }, () => startOn(`unix:${path}`)));
      assert.equal(starts.filter((start) => start.status === 'fulfilled').length, 1);
      assert.equal((await enqueue(connect({ address: `unix:${path}` }), {})).length, 1);
      for (const server of running) await server.close({ deadlineMs: 0 });
      running.clear();
      assert.deepEqual(readdirSync(folder), []);
    }
  });

  it('touches nothing that is not a socket', async () => {
    const target = join(folder, 'target');
    await leaveDeadSocket(target);
    const makers: Record<string, () => void> = {
      'a symbolic link': () => symlinkSync(target, path),
      'a file': () => writeFileSync(path, ''),
      'a folder': () => mkdirSync(path),
    };
    for (const [kind, make] of Object.entries(makers)) {
      make();
      await assert.rejects(startOn(`unix:${path}`), {
        code: 'FAILED_PRECONDITION',
        message: `listen: ${path} is ${kind}, not a socket; it is left alone`,
      });
      assert.deepEqual(readdirSync(folder).toSorted(), ['contact.sock', 'target']);
      rmSync(path, { recursive: true });
    }
    await assert.rejects(startOn(`unix:${folder}/none/a.sock`), { message: /^listen: there is no folder for / });
  });

  it('does not remove at its end what has taken its place', async () => {
    const first = await startOn(`unix:${path}`);
    rmSync(path);
    const second = await startOn(`unix:${path}`);
    await first.close({ deadlineMs: 0 });
    assert.equal((await enqueue(connect({ address: `unix:${path}` }), {})).length, 1);
    await second.close({ deadlineMs: 0 });
    assert.equal(existsSync(path), false);
  });

  it('is refused with a name that the system cannot take', async () => {
    const deep = join(folder, 'd'.repeat(104 - folder.length - 1));
    mkdirSync(deep);
    const longest = join(folder, 's'.repeat(107 - folder.length - 1));
    await startOn(`unix:${longest}`);
    assert.equal((await enqueue(connect({ address: `unix:${longest}` }), {})).length, 1);
    for (const [name, words] of [
      [`${longest}s`, /at most 107 bytes/],
      [join(deep, 'a'), /the folder of .* has too long a name/],
      ['', /unix:PATH/],
      ['//host/a.sock', /unix:PATH/],
      [`${path}\n`, /control characters/],
      [`${path}\0`, /control characters/],
    ] as const) {
      await assert.rejects(startOn(`unix:${name}`), (error: Error & { code: string }) => {
        assert.match(error.message, words);
        return error.code === 'INVALID_ARGUMENT';
      });
    }
    for (const server of [`unix:${longest}s`, 'unix:', 'unix://host/a', 'unix:a\nb']) {
      assert.throws(() => createAdmin({ server }), {
        code: 'INVALID_ARGUMENT',
        message: /^server: expected unix:PATH/,
      });
    }
  });

  it('has other addresses beside it, and one number of connections for all', async () => {
    const server = await createServer({
      listen: [`unix:${path}`, '127.0.0.1:0', `unix:${path}2`],
      store: 'memory:',
      maxConnections: 2,
    });
    running.add(server);
    const { addresses, host, port } = await server.listen();
    assert.deepEqual(addresses, [`unix:${path}`, `${host}:${port}`, `unix:${path}2`]);
    const [first, second] = addresses.map((address) => connect({ address }));
    assert.equal((await enqueue(first!, {})).length, 1);
    assert.equal((await enqueue(second!, {})).length, 1);
    const third = connectSocket(`${path}2`);
    await new Promise((resolve) => third.once('close', resolve));
    first!.channel.close();
    const fourth = connect({ address: addresses[2]! });
    await until('there is room', async () => (await refusalOf(enqueue(fourth, {}))) === 'OK');
    await server.close({ deadlineMs: 0 });
    assert.deepEqual(readdirSync(folder), []);
  });

  it('that is closed while it opens says so, and leaves nothing behind', async () => {
    for (const listen of [`unix:${path}`, '127.0.0.1:0', 'localhost:0']) {
      const server = await createServer({ listen, store: 'memory:' });
      const listening = server.listen();
      const refused = assert.rejects(listening, {
        code: 'FAILED_PRECONDITION',
        message: /^listen: the server was closed/,
      });
      await server.close({ deadlineMs: 0 });
      await refused;
      assert.deepEqual(readdirSync(folder), []);
    }
  });
});

async function openTellResultOf(clients: Clients, text: string): Promise<{ code: status }> {
  const results = openTellResult(clients);
  results.tell(text);
  return results.end();
}
