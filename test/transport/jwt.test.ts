import assert from 'node:assert/strict';
import { writeFileSync } from 'node:fs';
import { createServer, type Server } from 'node:http';
import type { AddressInfo } from 'node:net';
import { join } from 'node:path';
import { status } from '@grpc/grpc-js';
import { AdminService, TaskService } from '../../gen/index.ts';
import { createServer as createContactServer } from '../../server/index.ts';
import { type GuardedScene, startGuarded } from '../scene/access.ts';
import { ask, connect, refusalOf } from '../scene/clients.ts';
import { createFastClock } from '../scene/clock.ts';
import { atEnd, closeScene } from '../scene/end.ts';
import { createFolder } from '../scene/folder.ts';
import { createLogbook } from '../scene/logbook.ts';
import { AUDIENCE, createSigner, ISSUER, type Signer } from '../scene/signer.ts';
import { until } from '../scene/until.ts';
import { closeOf, openWorker, statusOf } from '../scene/worker.ts';

const GRANTS = ['web role=producer role=observer queue=mail/*', 'fleet-* role=worker queue=* client=*'];

function writeKeys(file: string, ...signers: Signer[]): void {
  writeFileSync(file, JSON.stringify({ keys: signers.map(({ jwk }) => jwk) }));
}

const OPTIONS = { jwtIssuer: ISSUER, jwtAudience: AUDIENCE, jwtGrants: GRANTS };

async function startWithFile(...signers: Signer[]): Promise<GuardedScene & { readonly file: string }> {
  const file = join(createFolder(), 'keys.json');
  writeKeys(file, ...signers);
  return Object.assign(await startGuarded({ ...OPTIONS, jwks: file }), { file });
}

/** What listing tasks comes to, and enqueueing to a queue. */
async function tryAs(scene: GuardedScene, token: string, queue = 'mail/in'): Promise<string[]> {
  const clients = connect(scene, {}, token);
  const tasks = [{ queue }];
  return [
    await refusalOf(ask(clients, AdminService.method.listQueues, {})),
    await refusalOf(ask(clients, TaskService.method.enqueueTasks, { tasks })),
  ];
}

/** Keys of signers, which may come and go, at a URL. */
async function serveKeys(...signers: Signer[]): Promise<{ readonly signers: Signer[]; readonly jwks: string }> {
  const server: Server = createServer((_request, answer) =>
    answer.end(JSON.stringify({ keys: signers.map(({ jwk }) => jwk) })),
  );
  await new Promise<void>((resolve) => server.listen(0, '127.0.0.1', resolve));
  atEnd(() => new Promise((resolve) => server.close(resolve)));
  atEnd(() => server.closeAllConnections());
  return { signers, jwks: `http://127.0.0.1:${(server.address() as AddressInfo).port}/keys` };
}

const wallClock = Date.now;

/** Sets the wall clock so far ahead: jose knows no other. */
function passTime(ms: number): void {
  Date.now = () => wallClock() + ms;
  atEnd(() => {
    Date.now = wallClock;
  });
}

describe('JWTs', () => {
  afterEach(closeScene);

  it('allow what their roles stand for', async () => {
    const signer = await createSigner();
    const scene = await startWithFile(signer);
    const token = await signer.sign();
    assert.deepEqual(await tryAs(scene, token), ['OK', 'OK']);
    // Once more, from what is remembered.
    assert.deepEqual(await tryAs(scene, token), ['OK', 'OK']);
    const [, foreign] = await tryAs(scene, token, 'other');
    assert.match(foreign!, /^PERMISSION_DENIED tasks\[0\]\.queue/);
    const both = await signer.sign({ roles: ['nothing', 'web'] });
    assert.deepEqual(await tryAs(scene, both), ['OK', 'OK']);
  });

  it('are refused alike for whatever is wrong with them', async () => {
    const signer = await createSigner();
    const forger = await createSigner();
    const scene = await startWithFile(signer);
    const good = await signer.sign();
    const [head, body] = good.split('.');
    const wrong = [
      await forger.sign(),
      await signer.sign({ aud: 'another' }),
      await signer.sign({ iss: 'https://else.example.org' }),
      await signer.sign({ roles: ['unknown'] }),
      await signer.sign({ roles: 'webby' }),
      await signer.sign({ roles: { web: true } }),
      await signer.sign({ sub: 'a b' }),
      `${head}.${body}.`,
      `${head}.${body}.AAAA`,
      `${Buffer.from('{"alg":"none"}').toString('base64url')}.${body}.x`,
      `${Buffer.from('{"alg":"HS256","kid":"one"}').toString('base64url')}.${body}.AAAA`,
    ];
    const refusals = new Set<string>();
    for (const token of wrong) for (const refusal of await tryAs(scene, token)) refusals.add(refusal);
    assert.deepEqual([...refusals], [(await tryAs(scene, 'ct_x'))[0]]);
    assert.deepEqual(await tryAs(scene, good), ['OK', 'OK']);
  });

  it('tell the log alone why one of a known key is refused, and end before the year 10000', async () => {
    const book = createLogbook();
    const signer = await createSigner();
    const file = join(createFolder(), 'keys.json');
    writeKeys(file, signer);
    const scene = await startGuarded({ ...OPTIONS, jwks: file }, { logger: book });
    const wrong = [
      [await signer.sign({ roles: ['unknown'] }), /grant/],
      [await signer.sign({ sub: 'bob smith' }), /`sub`/],
      [await signer.sign({ aud: 'another' }), /`aud`/],
      [await signer.sign({}, { seconds: 1.8e12 }), /`exp`/],
      [await signer.sign({}, { seconds: 1e300 }), /`exp`/],
    ] as const;
    const [same] = await tryAs(scene, 'ct_x');
    for (const [token, reason] of wrong) {
      const before = book.lines.length;
      assert.equal((await tryAs(scene, token))[0], same);
      const line = book.lines.slice(before).find(({ message }) => message === 'call refused');
      assert.match(String(line?.reason), reason);
    }
  });

  it('may have more than 8,192 characters, within what headers may have', async () => {
    const signer = await createSigner();
    const scene = await startWithFile(signer);
    const groups = Array.from({ length: 300 }, (_, n) => `a group of the company, number ${n}`);
    const token = await signer.sign({ groups });
    assert.ok(token.length > 12_000, `${token.length}`);
    assert.deepEqual(await tryAs(scene, token), ['OK', 'OK']);
  });

  it('that have expired say so to who has one, and end what runs for them, which may come again with the next', async () => {
    const signer = await createSigner();
    const scene = await startWithFile(signer);
    const [refusal] = await tryAs(scene, await signer.sign({}, { seconds: -60 }));
    assert.equal(refusal, 'UNAUTHENTICATED this credential has expired');
    const token = await signer.sign({ roles: ['fleet-7'] }, { seconds: 2 });
    const worker = await openWorker(connect(scene, {}, token));
    const end = await worker.ended;
    assert.deepEqual([end.code, closeOf(end)], [status.UNAUTHENTICATED, 'EXPIRED now']);
    assert.deepEqual((await tryAs(scene, token))[0], 'UNAUTHENTICATED this credential has expired');
  });

  it('of a new key are taken once it is in the file', async () => {
    const [first, second] = [await createSigner('one'), await createSigner('two')];
    const scene = await startWithFile(first);
    writeKeys(scene.file, first, second);
    assert.deepEqual(await tryAs(scene, await second.sign()), ['OK', 'OK']);
  });

  it('of a key that was taken out of the file count no more, those that were seen before within a minute', async () => {
    const [first, second] = [await createSigner('one'), await createSigner('two')];
    const file = join(createFolder(), 'keys.json');
    writeKeys(file, first, second);
    const clock = createFastClock(100);
    const slow = { pingIntervalMs: 60_000, authenticateWithinMs: 6_000_000, stuckSocketMs: 60_000 };
    const scene = await startGuarded({ ...OPTIONS, ...slow, jwks: file }, { clock });
    const [token, other] = [await first.sign({}, { seconds: 7_200 }), await second.sign({}, { seconds: 7_200 })];
    assert.deepEqual(await tryAs(scene, token), ['OK', 'OK']);
    assert.deepEqual(await tryAs(scene, other), ['OK', 'OK']);
    // A file that is no set of keys, written by mistake say, shuts out nobody who is known.
    writeFileSync(file, '{');
    const until61 = clock.monotonic() + 61_000;
    await until('a minute is over', () => clock.monotonic() > until61);
    assert.deepEqual(await tryAs(scene, token), ['OK', 'OK']);
    writeKeys(file, second);
    await until('it counts no more', async () => (await tryAs(scene, token))[0] !== 'OK');
    assert.match((await tryAs(scene, token))[0]!, /^UNAUTHENTICATED/);
    assert.deepEqual(await tryAs(scene, other), ['OK', 'OK']);
  });

  it('go by other keys and grants once the server was told to reload, and what ran by those before comes again', async () => {
    const [first, second] = [await createSigner('one'), await createSigner('two')];
    const scene = await startWithFile(first);
    const token = await first.sign({ roles: ['fleet-7', 'web'] });
    const worker = await openWorker(connect(scene, {}, token));
    const by = await openWorker(connect(scene, {}, (await scene.access.token()).text));
    const options = { listen: scene.address, store: 'memory:', auth: 'on', ...OPTIONS, jwks: scene.file } as const;
    const given = { ...options, jwtGrants: ['web role=observer queue=*'] };
    const needRestart = scene.server.reload(given);
    assert.equal(needRestart.includes('jwtGrants'), false);
    const end = await worker.ended;
    assert.deepEqual([end.code, closeOf(end)], [status.UNAUTHENTICATED, 'EXPIRED now']);
    const [list, enqueue] = await tryAs(scene, token);
    assert.equal(list, 'OK');
    assert.match(enqueue!, /^PERMISSION_DENIED/);
    writeKeys(scene.file, second);
    scene.server.reload(given);
    assert.match((await tryAs(scene, token))[0]!, /^UNAUTHENTICATED/);
    assert.throws(() => scene.server.reload({ ...given, jwks: '/nowhere' }), /jwks: .*ENOENT/);
    assert.equal((await tryAs(scene, await second.sign()))[0], 'OK');
    by.send({});
    assert.equal(await Promise.race([by.ended, 'goes on']), 'goes on');
  });

  it('are checked by keys from a URL; while those cannot be had it is not their fault', async () => {
    const signer = await createSigner();
    let isDown = true;
    const server: Server = createServer((_request, answer) => {
      answer.statusCode = isDown ? 500 : 200;
      answer.end(JSON.stringify({ keys: [signer.jwk] }));
    });
    await new Promise<void>((resolve) => server.listen(0, '127.0.0.1', resolve));
    atEnd(() => new Promise((resolve) => server.close(resolve)));
    atEnd(() => server.closeAllConnections());
    const jwks = `http://127.0.0.1:${(server.address() as AddressInfo).port}/keys`;
    const scene = await startGuarded({ ...OPTIONS, jwks });
    assert.match((await tryAs(scene, await signer.sign()))[0]!, /^UNAVAILABLE/);
    isDown = false;
    assert.deepEqual(await tryAs(scene, await signer.sign()), ['OK', 'OK']);
  });

  it('of a key that is newer than the keys of a URL are no forged ones: their clients come again', async () => {
    const { signers, jwks } = await serveKeys(await createSigner('one'));
    const scene = await startGuarded({ ...OPTIONS, jwks });
    const next = await createSigner('two');
    assert.equal((await tryAs(scene, await signers[0]!.sign()))[0], 'OK');
    signers.push(next);
    const token = await next.sign({ roles: ['fleet-7'] });
    const { code, metadata } = await statusOf(connect(scene, {}, token).tasks.watchTask({ id: 'x' }));
    assert.deepEqual([code, metadata.get('contact-retry')], [status.UNAVAILABLE, ['backoff']]);
    passTime(31_000);
    assert.match((await tryAs(scene, token))[0]!, /^PERMISSION_DENIED/);
    passTime(62_000);
    assert.match((await tryAs(scene, await (await createSigner('three')).sign()))[0]!, /^UNAUTHENTICATED/);
  });

  it('of a key that is no more among those of a URL are refused, whoever has them fetched all the time', async () => {
    const { signers, jwks } = await serveKeys(await createSigner('one'), await createSigner('two'));
    const clock = createFastClock(100);
    const slow = { pingIntervalMs: 60_000, authenticateWithinMs: 6_000_000, stuckSocketMs: 60_000 };
    const scene = await startGuarded({ ...OPTIONS, ...slow, jwks }, { clock });
    const token = await signers[0]!.sign({}, { seconds: 7_200 });
    assert.equal((await tryAs(scene, token))[0], 'OK');
    const until61 = clock.monotonic() + 61_000;
    await until('a minute is over', () => clock.monotonic() > until61);
    signers.shift();
    passTime(31_000);
    assert.match((await tryAs(scene, await (await createSigner('three')).sign()))[0]!, /^UNAUTHENTICATED/);
    assert.match((await tryAs(scene, token))[0]!, /^UNAUTHENTICATED/);
  });

  it('of a newer key are taken however often there was one that nobody knows', async () => {
    const [first, second] = [await createSigner('one'), await createSigner('two')];
    const scene = await startWithFile(first);
    assert.match((await tryAs(scene, await (await createSigner('three')).sign()))[0]!, /^UNAUTHENTICATED/);
    writeKeys(scene.file, first, second);
    assert.deepEqual(await tryAs(scene, await second.sign()), ['OK', 'OK']);
  });

  it('that are not good yet are refused as any other, and the log says that it is a matter of time', async () => {
    const [signer, log] = [await createSigner(), createLogbook()];
    const file = join(createFolder(), 'keys.json');
    writeKeys(file, signer);
    const scene = await startGuarded({ ...OPTIONS, jwks: file }, { logger: log });
    const now = Math.floor(Date.now() / 1_000);
    assert.equal((await tryAs(scene, await signer.sign({ nbf: now + 3 })))[0], 'OK');
    const [early] = await tryAs(scene, await signer.sign({ nbf: now + 60 }));
    const reasons = () => log.lines.flatMap(({ message, reason }) => (message === 'call refused' ? [reason] : []));
    assert.deepEqual(reasons(), ['time', 'time']);
    assert.deepEqual([early], (await tryAs(scene, 'ct_x')).slice(1));
    assert.deepEqual(reasons().slice(2), [undefined, undefined]);
  });

  it('need an issuer, an audience and grants, and keys that can be read', async () => {
    const file = join(createFolder(), 'keys.json');
    writeKeys(file, await createSigner());
    const base = { listen: '127.0.0.1:0', store: 'memory:', auth: 'on', ...OPTIONS, jwks: file } as const;
    const wrong = [
      [{ jwtIssuer: undefined }, /^ContactError: jwtIssuer: /],
      [{ jwtAudience: undefined }, /^ContactError: jwtAudience: /],
      [{ jwtGrants: [] }, /^ContactError: jwtGrants: /],
      [{ jwtGrants: ['web role=king'] }, /^ContactError: jwtGrants: /],
      [{ jwtGrants: ['web queue=*'] }, /^ContactError: jwtGrants: .*roles/],
      [{ jwtGrants: ['w*b role=worker'] }, /^ContactError: jwtGrants: /],
      [{ jwtGrants: ['web role=worker queue=a*b'] }, /^ContactError: jwtGrants: .*queues\[0\]/],
      [{ jwtGrants: ['web'] }, /^ContactError: jwtGrants: /],
      [{ jwks: '/nowhere' }, /^ContactError: jwks: /],
      [{ jwks: 'http://id.example.org/keys' }, /^ContactError: jwks: .*https/],
      [
        { jwks: 'https://me:secret@id.example.org/keys' },
        /jwks: expected to have no user and no password: keys are public$/,
      ],
    ] as const;
    for (const [change, expected] of wrong) {
      const given = { ...base, ...change } as Parameters<typeof createContactServer>[0];
      await assert.rejects(createContactServer(given), expected, JSON.stringify(change));
    }
  });
});
