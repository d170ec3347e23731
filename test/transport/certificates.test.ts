import assert from 'node:assert/strict';
import { writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { credentials } from '@grpc/grpc-js';
import { AccessService, AdminService, type DescribeCallerResponse, TaskService } from '../../gen/index.ts';
import { generateKeys, issueCertificate } from '../../server/tls/certificate.ts';
import { createClient } from '../../shared/grpc.ts';
import { type GuardedScene, startGuarded } from '../scene/access.ts';
import { refusalOf } from '../scene/clients.ts';
import { atEnd, closeScene } from '../scene/end.ts';
import { createFolder } from '../scene/folder.ts';

const DAY_MS = 86_400_000;
const GRANTS = [
  'robot-* role=producer queue=robots/*',
  'ops role=operator queue=* client=*',
  'own-* role=producer queue=q client={name}',
];

/** An authority of clients, whose certificates it makes. */
function createAuthority() {
  const issuer = { commonName: 'clients', keys: generateKeys() };
  const lifetime = { validFrom: Date.now() - DAY_MS, validTo: Date.now() + DAY_MS };
  const file = join(createFolder(), 'clients.pem');
  writeFileSync(file, issueCertificate({ ...issuer, ...lifetime, isAuthority: true }));
  return {
    file,
    issue(commonName: string) {
      const keys = generateKeys();
      const cert = issueCertificate({ commonName, keys, issuer, ...lifetime, purpose: 'client' });
      return { cert: Buffer.from(cert), key: Buffer.from(keys.privateKey.export({ type: 'pkcs8', format: 'pem' })) };
    },
  };
}

function connectWith({ address, tls }: GuardedScene, own?: { readonly cert: Buffer; readonly key: Buffer }) {
  const secret = credentials.createSsl(tls.ca as Buffer, own?.key, own?.cert);
  const open = <S extends Parameters<typeof createClient>[0]>(service: S) => {
    const client = createClient(service, address, secret, { 'grpc.use_local_subchannel_pool': 1 });
    atEnd(() => client.close());
    return client;
  };
  const [access, admin, tasks] = [open(AccessService), open(AdminService), open(TaskService)];
  const ask = <A>(call: (done: (error: unknown, answer?: A) => void) => unknown): Promise<A> =>
    new Promise((resolve, reject) => call((error, answer) => (error ? reject(error) : resolve(answer!))));
  return {
    describe: () => ask<DescribeCallerResponse>((done) => access.describeCaller({}, done)),
    list: () => refusalOf(ask((done) => admin.listQueues({}, done))),
    enqueueFor: (value: string) =>
      refusalOf(
        ask((done) => tasks.enqueueTasks({ tasks: [{ queue: 'q', target: { case: 'clientId', value } }] }, done)),
      ),
    enqueue: (queue: string) => refusalOf(ask((done) => tasks.enqueueTasks({ tasks: [{ queue }] }, done))),
  };
}

describe('client certificates', () => {
  afterEach(closeScene);

  it('allow what their names stand for, and nothing where no grant is for that', async () => {
    const { file, issue } = createAuthority();
    const scene = await startGuarded({
      isDurable: true,
      tls: 'auto',
      tlsClientCa: file,
      certificateGrants: GRANTS,
    });
    const robot = connectWith(scene, issue('robot-7'));
    const { principal, kind, expiresAt } = await robot.describe();
    assert.deepEqual([principal, kind, expiresAt !== undefined], ['cert:robot-7', 'certificate', true]);
    assert.equal(await robot.enqueue('robots/in'), 'OK');
    assert.match(await robot.enqueue('other'), /^PERMISSION_DENIED/);
    assert.match(await robot.list(), /^PERMISSION_DENIED .* role observer or operator/);
    assert.equal(await connectWith(scene, issue('ops')).list(), 'OK');
    assert.equal(await connectWith(scene, issue('own-7')).enqueueFor('own-7'), 'OK');
    assert.match(await connectWith(scene, issue('own-7')).enqueueFor('own-8'), /^PERMISSION_DENIED/);
    for (const nobody of [connectWith(scene, issue('web')), connectWith(scene)]) {
      assert.match(await nobody.list(), /^UNAUTHENTICATED/);
    }
  });
});
