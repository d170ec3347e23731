import assert from 'node:assert/strict';
import { writeFileSync } from 'node:fs';
import { join } from 'node:path';
import type { DescMethod } from '@bufbuild/protobuf';
import { Role, reflection } from '../../gen/index.ts';
import { drawToken } from '../../server/access/token.ts';
import { newTaskId } from '../../shared/ids.ts';
import { EVERY_ROLE, type GuardedScene, type Made, startGuarded } from '../scene/access.ts';
import { ACCESS_ROWS, type AccessRow, ROLE_NAMES, type RoleName, type Target } from '../scene/accessrows.ts';
import { type Clients, connect, enqueue } from '../scene/clients.ts';
import { closeScene } from '../scene/end.ts';
import { createFolder } from '../scene/folder.ts';
import { callMethod, type MethodReply } from '../scene/methodcall.ts';
import { AUDIENCE, createSigner, ISSUER, type Signer } from '../scene/signer.ts';
import { until } from '../scene/until.ts';
import { nameOf, openWorker } from '../scene/worker.ts';

type Kind = 'own' | 'foreign' | 'absent';

const MINE = { queues: ['mine/*'], clients: ['robot-*'], calls: ['echo.Echo/Unary'], serves: ['echo.Echo/Unary'] };
const CLIENTS: Readonly<Record<Kind, string>> = { own: 'robot-1', foreign: 'laptop', absent: 'laptop-2' };

describe('a method, for who calls it and what it is about', () => {
  let scene: GuardedScene;
  let everything: Clients;
  let tokens: Readonly<Record<RoleName, Made>>;
  let joining: Made;
  let signer: Signer;

  before(async () => {
    signer = await createSigner();
    const jwks = join(createFolder(), 'keys.json');
    writeFileSync(jwks, JSON.stringify({ keys: [signer.jwk] }));
    const grant = `web ${ROLE_NAMES.map((name) => `role=${name}`).join(' ')} queue=mine/* client=robot-*`;
    const jwts = { jwks, jwtIssuer: ISSUER, jwtAudience: AUDIENCE, jwtGrants: [grant] };
    scene = await startGuarded({ pairingMs: 30, ...jwts });
    const { access } = scene;
    everything = connect(scene, {}, (await access.token({ roles: EVERY_ROLE }, { name: 'everything' })).text);
    const made = ROLE_NAMES.map(async (name) => {
      const roles = [Role[name.toUpperCase() as Uppercase<RoleName>]];
      return [name, await access.token({ roles, ...MINE }, { name })] as const;
    });
    tokens = Object.fromEntries(await Promise.all(made)) as typeof tokens;
    joining = await access.join({}, { uses: 100 });
    // A client id is one principal's.
    const robots = connect(scene, {}, tokens.worker.text);
    await openWorker(robots, { clientId: 'robot-1', queues: ['mine/idle'] });
    await (await openWorker(robots, { clientId: 'robot-2', queues: ['mine/idle'] })).cancel();
    await until('one is away', async () => {
      const asked = { requests: [{ clientId: 'robot-2' }], token: scene.operator };
      const { answers } = await callAs(undefined, find('describeClient'), asked);
      return answers[0].client.connected === false;
    });
    await openWorker(everything, { clientId: 'laptop', queues: ['theirs/idle'] });
  });

  after(closeScene);

  const queueOf = (method: DescMethod, kind: Kind): string =>
    `${kind === 'own' ? 'mine' : 'theirs'}/${method.parent.name}.${method.name}${kind === 'absent' ? '.none' : ''}`;

  /** A task that is as the row wants it, in this queue. */
  async function storeTask(queue: string, { state }: AccessRow): Promise<string> {
    const [id] = await enqueue(everything, { queue, maxAttempts: 1 });
    if (state === 'cancelled') {
      await callAs(undefined, find('cancelTasks'), { requests: [{ ids: [id!] }], token: scene.operator });
    }
    if (state === 'failed') {
      const worker = await openWorker(everything, { queues: [queue], ephemeral: true });
      const [task] = await worker.receive(1);
      await worker.report({ failed: [nameOf(task!)] });
      await worker.cancel();
    }
    return id!;
  }

  async function prepare(method: DescMethod, row: AccessRow, of: { queue: Kind; client: Kind }): Promise<Target> {
    const queue = queueOf(method, of.queue);
    const taskId = of.queue === 'absent' ? newTaskId() : await storeTask(queue, row);
    return { queue, clientId: CLIENTS[of.client], taskId };
  }

  const find = (name: string): DescMethod =>
    ACCESS_ROWS.flatMap(([service]) => service.methods).find(({ localName }) => localName === name)!;

  function callAs(
    role: RoleName | undefined,
    method: DescMethod,
    call: { requests: readonly object[]; headers?: Readonly<Record<string, string>>; answers?: number; token?: string },
  ): Promise<MethodReply> {
    const { requests, headers = {}, answers, token = role && tokens[role].text } = call;
    return callMethod(scene.address, method, {
      requests: requests as never,
      headers: { ...headers, ...(token === undefined ? {} : { authorization: `Bearer ${token}` }) },
      ...(answers === undefined ? {} : { answers }),
    });
  }

  const callRow = (method: DescMethod, row: AccessRow, target: Target, role: RoleName | undefined, token?: string) =>
    callAs(role, method, {
      requests: row.ask(target),
      headers: row.headers?.(target) ?? {},
      ...(row.answers === undefined ? {} : { answers: row.answers }),
      ...(token === undefined ? {} : { token }),
    });

  /** What a refusal says, whatever it is about. */
  const wordsOf = ({ code, details }: MethodReply, { queue, clientId, taskId }: Target): string =>
    `${code} ${[queue, clientId, taskId].reduce((text, name) => text.replaceAll(name, '…'), details)}`;

  /** All that a refusal says, but for the time of day. */
  function saidIn({ details, metadata }: MethodReply): unknown {
    metadata.remove('date');
    return [details, metadata.toJSON()];
  }

  const isFor = ({ by }: AccessRow, role: RoleName): boolean =>
    by === 'anybody' || by === 'authenticated' || (by !== 'join' && by.includes(role));

  it('has a row here, whichever it is of those that reflection lists', async () => {
    const { serverReflectionInfo } = reflection.ServerReflection.method;
    const { answers } = await callAs('observer', serverReflectionInfo, {
      requests: [{ messageRequest: { case: 'listServices', value: '' } }],
    });
    const listed: string[] = answers[0].messageResponse.value.service.map(({ name }: { name: string }) => name);
    assert.deepEqual(listed.toSorted(), ACCESS_ROWS.map(([{ typeName }]) => typeName).toSorted());
    for (const [service, rows] of ACCESS_ROWS) {
      assert.deepEqual(Object.keys(rows).toSorted(), service.methods.map(({ localName }) => localName).toSorted());
    }
  });

  for (const [service, rows] of ACCESS_ROWS) {
    for (const method of service.methods) {
      const row = rows[method.localName]!;
      const { comesTo = 'OK', sees } = row;
      const by = typeof row.by === 'string' ? row.by : row.by.join(' or ');

      it(`${service.typeName}/${method.name}: ${by}, of what is their own`, async () => {
        for (const role of ROLE_NAMES) {
          const target = await prepare(method, row, { queue: 'own', client: 'own' });
          const reply = await callRow(method, row, target, role);
          assert.equal(reply.code, isFor(row, role) ? comesTo : 'PERMISSION_DENIED', `${role}: ${reply.details}`);
          if (isFor(row, role)) assert.ok(sees?.(reply.answers, target) ?? true, `${role} sees nothing`);
          else if (row.by !== 'join') assert.match(reply.details, /which this caller has not$/);
        }
        const target = await prepare(method, row, { queue: 'own', client: 'own' });
        const unknown = await callRow(method, row, target, undefined);
        assert.equal(unknown.code, row.by === 'anybody' ? comesTo : 'UNAUTHENTICATED');
        const ofJoin = await callRow(method, row, target, undefined, joining.text);
        const forJoins = row.by === 'anybody' || row.by === 'join' ? comesTo : 'PERMISSION_DENIED';
        assert.equal(ofJoin.code, forJoins, ofJoin.details);
      });

      for (const what of ['queue', 'client'] as const) {
        const foreign = row[what];
        if (foreign === undefined) continue;
        it(`${service.typeName}/${method.name}: nobody, of another ${what}, told as if there were none`, async () => {
          for (const role of ROLE_NAMES) {
            const own = { queue: 'own', client: 'own' } as const;
            const target = await prepare(method, row, { ...own, [what]: 'foreign' });
            const reply = await callRow(method, row, target, role);
            const absent = await prepare(method, row, { ...own, [what]: 'absent' });
            const none = await callRow(method, row, absent, role);
            if (!isFor(row, role)) assert.match(reply.details, /which this caller has not$/);
            else if (foreign === 'unseen') {
              assert.equal(reply.code, comesTo, `${role}: ${reply.details}`);
              assert.ok(!sees!(reply.answers, target), `${role} sees another's`);
            } else assert.equal(reply.code, foreign, `${role}: ${reply.details}`);
            assert.equal(wordsOf(reply, target), wordsOf(none, absent));
          }
        });
      }
    }
  }

  it('is for no credential that is forged, of another secret, audience or key, expired or revoked, whichever method it is', async () => {
    const { access } = scene;
    const revoked = await access.token({ roles: EVERY_ROLE, ...MINE }, { name: 'revoked' });
    await access.revoke(revoked.id);
    const expired = await access.token({ roles: EVERY_ROLE, ...MINE }, { name: 'expired', seconds: 1 });
    await until('it has expired', async () => {
      const { code } = await callAs(undefined, find('describeCaller'), { requests: [{}], token: expired.text });
      return code === 'UNAUTHENTICATED';
    });
    const bad = {
      forged: drawToken().text,
      'of another secret': `${tokens.operator.text.slice(0, -43)}${drawToken().text.slice(-43)}`,
      'of another audience': await signer.sign({ aud: 'another' }),
      'of another key': await (await createSigner()).sign(),
      expired: expired.text,
      revoked: revoked.text,
    };
    const known = await callAs(undefined, find('describeCaller'), { requests: [{}], token: await signer.sign() });
    assert.equal(known.answers[0].principal, 'jwt:ada');
    for (const [service, rows] of ACCESS_ROWS) {
      for (const method of service.methods) {
        const row = rows[method.localName]!;
        if (row.by === 'anybody') continue;
        const target = { queue: queueOf(method, 'own'), clientId: 'robot-1', taskId: newTaskId() };
        const unknown = await callRow(method, row, target, undefined);
        for (const [what, token] of Object.entries(bad)) {
          const reply = await callRow(method, row, target, undefined, token);
          assert.equal(reply.code, 'UNAUTHENTICATED', `${method.name} ${what}`);
          const isKnown = what === 'expired' || what === 'revoked';
          if (!isKnown) assert.deepEqual(saidIn(reply), saidIn(unknown));
        }
      }
    }
  });

  it('is done by a client in its own name alone, whichever method it is', async () => {
    const enrolled = await scene.access.enrol(joining, 'robot-9');
    for (const [service, rows] of ACCESS_ROWS) {
      for (const method of service.methods) {
        const row = rows[method.localName]!;
        if (row.client === undefined || typeof row.by === 'string' || !row.by.includes('worker')) continue;
        for (const clientId of ['laptop', 'robot-2']) {
          const target = { queue: queueOf(method, 'own'), clientId, taskId: newTaskId() };
          const reply = await callRow(method, row, target, undefined, enrolled.text);
          assert.equal(reply.code, 'PERMISSION_DENIED', `${method.name} as ${clientId}: ${reply.details}`);
        }
      }
    }
  });
});
