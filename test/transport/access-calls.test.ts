import assert from 'node:assert/strict';
import { status } from '@grpc/grpc-js';
import { createWorker, type Worker } from '../../client/index.ts';
import { ReverseService, Role } from '../../gen/index.ts';
import { Echo } from '../echo/gen/echo_pb.ts';
import { type GuardedScene, type Made, startGuarded } from '../scene/access.ts';
import { ROLE_NAMES, type RoleName } from '../scene/accessrows.ts';
import { createCaller, type Reply } from '../scene/callers.ts';
import { createEcho } from '../scene/echo.ts';
import { closeScene, useWorker } from '../scene/end.ts';
import { callMethod } from '../scene/methodcall.ts';
import { connectTo } from '../scene/server.ts';
import { until } from '../scene/until.ts';

const UNARY = 'echo.Echo/Unary';
const DENIED = status.PERMISSION_DENIED;

/** Rights of who may call one method of some clients, live and kept. */
const MINE = { queues: [UNARY], clients: ['robot-*'], calls: [UNARY], serves: [] };

/** Who may store tasks. */
const KEEPERS = ['producer', 'operator'] as const;

describe('a call of a client, for who makes it', () => {
  let scene: GuardedScene;
  let tokens: Readonly<Record<RoleName, Made>>;

  before(async () => {
    scene = await startGuarded();
    const { access } = scene;
    const made = ROLE_NAMES.map(async (name) => {
      const roles = [Role[name.toUpperCase() as Uppercase<RoleName>]];
      return [name, await access.token({ roles, ...MINE }, { name })] as const;
    });
    tokens = Object.fromEntries(await Promise.all(made)) as typeof tokens;
    for (const clientId of ['robot-1', 'laptop']) await serve(clientId);
  });

  after(closeScene);

  /** A client that tells what it is told of its caller. */
  async function serve(clientId: string): Promise<Worker> {
    const { text: token } = await scene.access.token({}, { name: `of-${clientId}` });
    const options = { ...connectTo(scene.address), token, clientId, queues: ['unused'], handler: () => null };
    const worker = useWorker(createWorker(options));
    worker.serve(Echo, {
      ...createEcho(),
      unary: (_request, { metadata }) => ({
        body: Buffer.from(JSON.stringify([clientId, metadata.get('contact-principal'), metadata.get('authorization')])),
      }),
    });
    await until(
      `${clientId} serves`,
      async () => (await call(scene.operator, { 'contact-client': clientId })).code === 0,
    );
    return worker;
  }

  const call = (token: string | undefined, metadata: Readonly<Record<string, string>> = {}, deadlineMs?: number) =>
    createCaller(scene.address).unary('', {
      metadata: { ...metadata, ...(token === undefined ? {} : { authorization: `Bearer ${token}` }) },
      ...(deadlineMs === undefined ? {} : { deadlineMs }),
    });

  const saidIn = ({ code, details }: Reply, name: string): string => `${code} ${details.replaceAll(name, '…')}`;

  for (const mode of ['live', 'durable'] as const) {
    const asked = { 'contact-mode': mode };
    it(`${mode}: goes to its own client, which is told who calls and no credential`, async () => {
      for (const role of mode === 'live' ? ROLE_NAMES : KEEPERS) {
        const reply = await call(tokens[role].text, {
          ...asked,
          'contact-client': 'robot-1',
          'contact-principal': 'x',
        });
        assert.deepEqual([reply.code, reply.bodies], [0, [JSON.stringify(['robot-1', [`token:${role}`], []])]], role);
      }
    });

    it(`${mode}: is refused for another client, or another method, whether there is one or not`, async () => {
      for (const role of ROLE_NAMES) {
        const { text } = tokens[role];
        const other = await call(text, { ...asked, 'contact-client': 'laptop' });
        assert.equal(other.code, DENIED, role);
        const none = await call(text, { ...asked, 'contact-client': 'laptop-2', 'contact-wait': '10s' });
        assert.equal(saidIn(none, 'laptop-2'), saidIn(other, 'laptop'));
        const headers = { ...asked, authorization: `Bearer ${text}` };
        for (const name of ['Down', 'Nope']) {
          const reply = await callMethod(scene.address, methodNamed(name), { requests: [{}], headers });
          assert.deepEqual(
            [reply.code, reply.details],
            ['PERMISSION_DENIED', `:path: echo.Echo/${name} is no method for this caller`],
          );
        }
      }
    });

    it(`${mode}: is for nobody who is not known`, async () => {
      for (const token of [undefined, tokens.operator.text.replace(/.{3}$/, 'xyz')]) {
        assert.equal((await call(token, { ...asked, 'contact-client': 'robot-1' })).code, status.UNAUTHENTICATED);
      }
    });
  }

  it('of a method that is not for its caller is refused, addressed or not, whether it was announced or not', async () => {
    // One of them may call any client, but not this.
    const { text } = await scene.access.token({ roles: [Role.PRODUCER], ...MINE, clients: ['*'] });
    for (const token of [tokens.producer.text, text]) {
      const headers = { authorization: `Bearer ${token}` };
      for (const name of ['Down', 'Nope']) {
        const { code } = await callMethod(scene.address, methodNamed(name), { requests: [{}], headers });
        assert.equal(code, 'PERMISSION_DENIED', name);
      }
    }
  });

  it('goes to none but its own where it names none', async () => {
    const { text } = tokens.producer;
    for (let n = 0; n < 10; n += 1) {
      assert.equal(JSON.parse((await call(text)).bodies[0]!)[0], 'robot-1');
    }
  });

  it('learns nothing of methods that others serve, addressed or not', async () => {
    const calls = ['echo.Echo/Unary', 'echo.Echo/Never'];
    const { text } = await scene.access.token({ roles: [Role.PRODUCER], ...MINE, clients: ['tablet-*'], calls });
    const headers = { authorization: `Bearer ${text}` };
    for (const more of [{}, { 'contact-client': 'tablet-1' }, { 'contact-selector': 'site=berlin' }]) {
      const told = new Set<string>();
      for (const name of calls) {
        const reply = await callMethod(scene.address, methodNamed(name.slice('echo.Echo/'.length)), {
          requests: [{}],
          headers: { ...headers, ...more },
        });
        told.add(`${reply.code} ${reply.details.replaceAll(name, '…')}`);
      }
      assert.equal(told.size, 1, [...told].join('; '));
    }
  });

  it('is kept for who may store tasks, and awaited by who may see them', async () => {
    const kept = { 'contact-mode': 'durable', 'contact-client': 'robot-1', 'contact-key': 'mine' };
    for (const name of ['worker', 'observer'] as const) {
      const { code, details } = await call(tokens[name].text, kept);
      assert.deepEqual(
        [code, details],
        [DENIED, 'a call that is kept is for the role producer or operator, which this caller has not'],
      );
    }
    const stored = await call(tokens.producer.text, kept);
    const id = String(stored.headers['contact-task']);
    const taken = await call(tokens.operator.text, kept);
    assert.deepEqual([taken.code, taken.details], [status.ALREADY_EXISTS, 'contact-key: another call has it']);
    const again = { 'contact-mode': 'durable', 'contact-task': id };
    assert.equal((await call(tokens.worker.text, again)).code, DENIED);
    for (const name of ['producer', 'observer', 'operator'] as const) {
      assert.equal((await call(tokens[name].text, again)).code, 0, name);
    }
  });

  it('is kept for no selector, which may mean any', async () => {
    const selected = { 'contact-mode': 'durable', 'contact-selector': 'site=berlin' };
    assert.equal((await call(tokens.producer.text, selected)).code, DENIED);
  });

  it('is kept in a queue of its caller alone', async () => {
    const { text } = await scene.access.token({ roles: [Role.PRODUCER], ...MINE, queues: ['mine/*'] });
    const reply = await call(text, { 'contact-mode': 'durable', 'contact-client': 'robot-1' });
    assert.deepEqual([reply.code, reply.details], [DENIED, `:path: ${UNARY} is no queue of this caller`]);
  });

  it('is awaited again by who may see its task', async () => {
    const stored = await call(tokens.producer.text, { 'contact-mode': 'durable', 'contact-client': 'robot-1' });
    const again = { 'contact-mode': 'durable', 'contact-task': String(stored.headers['contact-task']) };
    assert.equal((await call(tokens.operator.text, again)).code, 0);
    const { text } = await scene.access.token({ ...MINE, queues: ['mine/*'] });
    assert.equal((await call(text, again)).code, status.NOT_FOUND);
  });

  it('is announced by who may serve it, method by method', async () => {
    const { text } = await scene.access.token({ roles: [Role.WORKER], ...MINE, serves: ['echo.Echo/U*'] });
    const { answers } = await callMethod(scene.address, ReverseService.method.serve, {
      requests: [{ announce: { methods: ['echo.Echo/Down', 'echo.Echo/Up', 'contact.v1.X/Y'] } }] as never,
      headers: { authorization: `Bearer ${text}`, 'contact-client': 'robot-2' },
      answers: 1,
    });
    assert.deepEqual(
      answers[0].accepted.refused.map(({ method, message }: { method: string; message: string }) => [method, message]),
      [
        ['echo.Echo/Down', 'it is no method that this client may serve'],
        ['contact.v1.X/Y', 'this name is the server’s own'],
      ],
    );
  });
});

/** A method of the echo service, be it one that there is not. */
function methodNamed(name: string) {
  return { ...Echo.method.unary, name, parent: Echo, methodKind: 'unary' } as unknown as typeof Echo.method.unary;
}
