import assert from 'node:assert/strict';
import { AdminService, Role } from '../../gen/index.ts';
import { type GuardedScene, startGuarded } from '../scene/access.ts';
import { ask, connect, refusalOf } from '../scene/clients.ts';
import { closeScene } from '../scene/end.ts';
import { openServe } from '../scene/rawcallee.ts';
import { until } from '../scene/until.ts';
import { openWorker } from '../scene/worker.ts';

describe('the client id of a principal', () => {
  let scene: GuardedScene;
  /** Tokens of two that may be any client. */
  let alice: { readonly id: string; readonly text: string };
  let mallory: typeof alice;

  beforeEach(async () => {
    scene = await startGuarded({ pairingMs: 50 });
    const draw = (name: string) => scene.access.token({ roles: [Role.WORKER, Role.PRODUCER] }, { name });
    [alice, mallory] = [await draw('alice'), await draw('mallory')];
  });

  afterEach(closeScene);

  it('is had by being there alone: a join lets nobody in by it, whatever it serves and under no name', async () => {
    const admin = connect(scene, {}, scene.operator);
    const join = await scene.access.join({ clients: ['*'], queues: ['*'] }, { uses: 1 });
    const describe = async () => (await ask(admin, AdminService.method.describeClient, { clientId: 'robot' })).client!;
    for (const announce of [{ methods: ['p.S/M'], ephemeral: true }, { methods: [] }]) {
      const callee = await openServe(scene.address, 'robot', announce, undefined, alice.text);
      assert.equal((await describe()).principal, 'token:alice');
      const refusal = await refusalOf(scene.access.enrol(join, 'robot'));
      assert.match(refusal, /^ALREADY_EXISTS client_id: robot is the client of another principal/);
      const { ended } = await openServe(scene.address, 'robot', announce, undefined, mallory.text);
      assert.match(await ended, /^ALREADY_EXISTS CLIENT_TAKEN contact-client: robot is the client of another/);
      callee.cut();
      await until('it serves no more', async () => /^NOT_FOUND/.test(await refusalOf(describe())));
    }
    await scene.access.enrol(join, 'robot');
  });

  it('is told to be whose it is: not who came by it last, but who may come', async () => {
    const admin = connect(scene, {}, scene.operator);
    const principals = async () => {
      const { client } = await ask(admin, AdminService.method.describeClient, { clientId: 'robot' });
      const { clients } = await ask(admin, AdminService.method.listClients, {});
      return [client!.principal, ...clients.map(({ principal }) => principal)];
    };
    const forget = () => refusalOf(ask(admin, AdminService.method.forgetClient, { clientId: 'robot' }));
    const worker = await openWorker(connect(scene, {}, alice.text), { clientId: 'robot' });
    assert.deepEqual(await principals(), ['token:alice', 'token:alice']);
    await scene.access.revoke(alice.id);
    await worker.ended;
    await until('it is nobody’s', async () => (await principals()).every((principal) => principal === ''));
    const join = await scene.access.join({ clients: ['*'], queues: ['*'] }, { uses: 1 });
    const { id } = await scene.access.enrol(join, 'robot');
    assert.deepEqual(await principals(), ['client:robot', 'client:robot']);
    const kept =
      /^FAILED_PRECONDITION client_id: robot came in by a join, and its credential lives, .*contact token revoke/;
    assert.match(await forget(), kept);
    await scene.access.revoke(id);
    assert.deepEqual(await principals(), ['', '']);
    assert.equal(await forget(), 'OK');
  });
});
