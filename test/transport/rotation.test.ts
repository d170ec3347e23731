import assert from 'node:assert/strict';
import { readFileSync } from 'node:fs';
import { join as joinPath } from 'node:path';
import tls from 'node:tls';
import { credentials } from '@grpc/grpc-js';
import { createAccess, createProducer, createWorker } from '../../client/index.ts';
import { ContactService } from '../../gen/index.ts';
import { createClient } from '../../shared/grpc.ts';
import { bearer, startGuarded } from '../scene/access.ts';
import { createFastClock } from '../scene/clock.ts';
import { atEnd, closeScene, use, useWorker } from '../scene/end.ts';
import { createFolder } from '../scene/folder.ts';
import { isFull } from '../scene/full.ts';
import { createTestAuthority, writePair } from '../scene/tlsfiles.ts';
import { until } from '../scene/until.ts';

const STREAMS = isFull ? 1_000 : 50;
const PER_CONNECTION = 49;
const TASKS = 20;
/** A credential lives for at least a minute, of which the server counts so many milliseconds in each. */
const FACTOR = 20;
/** Renewed after 8 s of the wall clock, and over after 12. */
const LIFETIME_MS = 240_000;
/** What a server of such a clock must not take for silence, however busy the machine is. */
const SLOW = {
  pingIntervalMs: 1_200_000,
  resumeWindowMs: 12_000_000,
  authenticateWithinMs: 1_200_000,
  stuckSocketMs: 1_200_000,
  tlsHandshakeMs: 600_000,
};
const ANY = { queues: ['*'], clients: ['*'] };
const quiet = { info: () => undefined, warn: () => undefined };

describe('secrets and certificates that change under load', () => {
  const authority = createTestAuthority();
  afterEach(closeScene);

  it('end no stream, and nothing is run twice', async () => {
    const folder = createFolder();
    const clock = createFastClock(FACTOR);
    const files = writePair(folder, authority.sign('one', { names: ['localhost', 'one.test'] }));
    const scene = await startGuarded({ ...SLOW, ...files }, { clock });
    const server = `localhost:${scene.listening.port}`;
    const reach = { server, tls: { ca: authority.cert }, logger: quiet };
    const access = use(createAccess({ ...reach, token: scene.operator }));

    // Clients that have joined, each of which runs one task, for as long as the test takes.
    const finish = Promise.withResolvers<string>();
    let runs = 0;
    const ended: string[] = [];
    const enrolment = { roles: ['worker' as const], ...ANY, clientLifetimeMs: LIFETIME_MS, lifetimeMs: 3_600_000 };
    const { join } = await access.createJoin({ name: 'fleet', uses: TASKS, ...enrolment, addresses: [server] });
    const handler = (): Promise<string> => {
      runs += 1;
      return finish.promise;
    };
    const kept = Array.from({ length: TASKS }, (_, n) => joinPath(folder, `robot-${n}`));
    const workers = kept.map((credentialFile, n) =>
      useWorker(
        createWorker({
          ...reach,
          join,
          clientId: `robot-${n}`,
          credentialFile,
          queues: ['long'],
          concurrency: 1,
          handler,
        }),
      ),
    );
    await Promise.all(workers.map((worker) => worker.connected()));
    for (const worker of workers) {
      const watching = worker.status$.subscribe(({ state }) => void (state !== 'connected' && ended.push(state)));
      atEnd(() => watching.unsubscribe());
    }
    const idOf = (file: string): string => JSON.parse(readFileSync(file, 'utf8')).id;
    const first = kept.map(idOf);

    // Streams of tokens, so many over each connection.
    const registered = new Set<number>();
    const received = new Set<number>();
    const tokens: string[] = [];
    const secure = credentials.createSsl(authority.cert);
    for (let from = TASKS; from < STREAMS; from += PER_CONNECTION) {
      const { token, credential } = await access.createToken({ name: `t${from}`, roles: ['worker'], ...ANY });
      tokens.push(credential.id);
      const client = createClient(ContactService, server, secure, { 'grpc.use_local_subchannel_pool': 1 });
      atEnd(() => client.close());
      for (let at = from; at < Math.min(STREAMS, from + PER_CONNECTION); at++) {
        const stream = client.getTask({ queues: [`q${at}`] }, bearer(token));
        atEnd(() => stream.cancel());
        stream.on('data', ({ event }) => {
          if (event.case === 'registered') registered.add(at);
          if (event.case === 'tasks') received.add(at);
        });
        stream.on('error', (error) => ended.push(String(error)));
        stream.on('end', () => ended.push('end'));
      }
    }
    await until('all are there', () => registered.size === STREAMS - TASKS || ended.length > 0, 60_000);
    const producer = use(createProducer({ ...reach, token: scene.operator }));
    const answers = Array.from({ length: TASKS }, (_, n) => producer.call('long', n));
    await until('all are run', () => runs === TASKS);

    // All of it at once: tokens are rotated, the certificate is another, and the clients renew what they have.
    await Promise.all(tokens.map((id) => access.rotate(id, { overlapMs: 60_000 })));
    const rotatedAt = clock.now();
    writePair(folder, authority.sign('two', { names: ['localhost', 'two.test'] }));
    scene.server.reload({ ...SLOW, ...files, auth: 'on', listen: scene.address, store: 'memory:' });
    await until('the other is shown', async () =>
      (await shownAt(scene.listening.port, authority.cert)).includes('two.test'),
    );
    await until('all have renewed', () => kept.every((file, n) => idOf(file) !== first[n]) || ended.length > 0, 60_000);
    await until(
      'what they had has expired',
      async () => {
        const expired = new Set<string>();
        for await (const { id, expiresAt } of access.listAllCredentials())
          if (expiresAt && Number(expiresAt.seconds) * 1_000 < clock.now()) expired.add(id);
        return first.every((id) => expired.has(id)) && tokens.every((id) => expired.has(id));
      },
      60_000,
    );
    assert.ok(clock.now() > rotatedAt + 60_000);

    // All of them are still told of their tasks, by the connections that they had.
    const rest = Array.from({ length: STREAMS - TASKS }, (_, n) => n + TASKS);
    await Promise.all(rest.map((n) => producer.enqueue(`q${n}`, n)));
    await until('all are told of their tasks', () => received.size === rest.length || ended.length > 0, 60_000);
    finish.resolve('done');
    assert.deepEqual(new Set(await Promise.all(answers)), new Set(['done']));
    assert.deepEqual(ended, []);
    assert.equal(runs, TASKS);
  }).timeout(240_000);
});

/** The names of the certificate that is shown to whoever comes now. */
function shownAt(port: number, ca: Buffer): Promise<string> {
  return new Promise((resolve, reject) => {
    const options = { host: '127.0.0.1', port, servername: 'localhost', ca, ALPNProtocols: ['h2'] };
    const socket = tls.connect(options, () => {
      resolve(socket.getPeerX509Certificate()?.subjectAltName ?? '');
      socket.destroy();
    });
    socket.on('error', reject);
  });
}
