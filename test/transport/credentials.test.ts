import assert from 'node:assert/strict';
import { writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { Role } from '../../gen/index.ts';
import { drawToken } from '../../server/access/token.ts';
import { ALL, askAs, startGuarded } from '../scene/access.ts';
import { refusalOf } from '../scene/clients.ts';
import { closeScene } from '../scene/end.ts';
import { createFolder } from '../scene/folder.ts';
import { AUDIENCE, createSigner, ISSUER } from '../scene/signer.ts';

describe('AccessService', () => {
  afterEach(closeScene);

  it('lets an operator give to others what they may do themselves, and no more', async () => {
    const scene = await startGuarded();
    const { text } = await scene.access.token({ roles: [Role.OPERATOR], queues: ['mail/*'] });
    const make = (queues: string[]): Promise<unknown> => {
      const { id, hash } = drawToken();
      const rights = { roles: [Role.PRODUCER], ...ALL, queues };
      const request = { id, secretHash: Buffer.from(hash, 'hex'), name: 'x', rights };
      return askAs(text, scene.access.client, 'createToken', request);
    };
    assert.equal(await refusalOf(make(['mail/in', 'mail/out/*'])), 'OK');
    assert.match(await refusalOf(make(['mail/in', 'other'])), /^PERMISSION_DENIED rights\.queues\[1\]/);
    // Nor do they see or end what allows more.
    const listed = await askAs<{ credentials: { name: string }[] }>(text, scene.access.client, 'listCredentials', {});
    assert.deepEqual(new Set(listed.credentials.map(({ name }) => name)), new Set(['x', 't1']));
    const [, id = ''] = /^ct_(\w{16})_/.exec(scene.operator) ?? [];
    assert.match(await refusalOf(askAs(text, scene.access.client, 'revokeCredential', { id })), /^NOT_FOUND/);
    const next = drawToken();
    const rotation = { id, newId: next.id, secretHash: Buffer.from(next.hash, 'hex') };
    assert.match(await refusalOf(askAs(text, scene.access.client, 'rotateCredential', rotation)), /^NOT_FOUND/);
  });

  it('makes tokens that outlive the JWT of an operator, within its patterns, and say by whom they were made', async () => {
    const signer = await createSigner();
    const jwks = join(createFolder(), 'keys.json');
    writeFileSync(jwks, JSON.stringify({ keys: [signer.jwk] }));
    const jwtGrants = ['ops role=operator queue=mail/* client=robot-*'];
    const scene = await startGuarded({ jwtIssuer: ISSUER, jwtAudience: AUDIENCE, jwtGrants, jwks });
    const make = (text: string, queue: string): Promise<{ credential: object }> => {
      const { id, hash } = drawToken();
      const rights = { roles: [Role.PRODUCER], queues: [queue] };
      const request = { id, secretHash: Buffer.from(hash, 'hex'), name: 'stays', rights };
      return askAs(text, scene.access.client, 'createToken', request);
    };
    const jwt = await signer.sign({ roles: ['ops'] }, { seconds: 60 });
    assert.match(await refusalOf(make(jwt, 'other')), /^PERMISSION_DENIED rights\.queues\[0\]/);
    const { credential } = await make(jwt, 'mail/in');
    const { createdBy, expiresAt, endsBy } = credential as Readonly<Record<string, unknown>>;
    assert.deepEqual([createdBy, expiresAt, endsBy], ['jwt:ada', undefined, undefined]);
  });

  it('makes nothing that outlives it, by whatever way, but for itself by its rotation', async () => {
    const scene = await startGuarded();
    const maker = await scene.access.token({ roles: [Role.OPERATOR] }, { seconds: 600, name: 'maker' });
    type Answer = { credential: { id: string; createdAt: Stamp; expiresAt: Stamp; endsBy?: Stamp; createdBy: string } };
    type Stamp = { seconds: bigint | string };
    const ask = async (method: string, request: object, text = maker.text) => {
      const { id, hash, text: own } = drawToken();
      const drawn = {
        secretHash: Buffer.from(hash, 'hex'),
        ...(method === 'rotateCredential' ? { newId: id } : { id }),
      };
      const asked = { ...drawn, ...request };
      const { credential } = await askAs<Answer>(text, scene.access.client, method, asked);
      if (method !== 'rotateCredential') await askAs(text, scene.access.client, method, asked);
      const lifeSeconds = Number(credential.expiresAt.seconds) - Number(credential.createdAt.seconds);
      return { ...credential, own, lifeSeconds };
    };
    const rights = { roles: [Role.WORKER], ...ALL };
    const day = 86_400n;
    const web = await ask('createToken', { name: 'web', rights });
    const cron = await ask('createToken', { name: 'cron', rights, lifetimeSeconds: day });
    const fleet = await ask('createJoin', { name: 'fleet', rights, lifetimeSeconds: day, uses: 5 });
    const short = await ask('createToken', { name: 'short', rights, lifetimeSeconds: 60n });
    for (const one of [web, cron, fleet]) {
      assert.ok(one.lifeSeconds > 590 && one.lifeSeconds <= 600, `${one.lifeSeconds} s`);
      assert.deepEqual([one.createdBy, one.endsBy], ['token:maker', one.expiresAt]);
    }
    assert.equal(short.lifeSeconds, 60);
    const robot = await scene.access.enrol({ id: fleet.id, text: fleet.own }, 'robot');
    // Who has no end does not lift it, and what another one has is not prolonged by who ends.
    const ops = await scene.access.token({ roles: [Role.WORKER] }, { name: 'ops' });
    for (const [id, text] of [
      [robot.id, scene.operator],
      [web.id, scene.operator],
      [ops.id, maker.text],
    ] as const) {
      const { lifeSeconds } = await ask('rotateCredential', { id }, text);
      assert.ok(lifeSeconds > 590 && lifeSeconds <= 600, `${id}: ${lifeSeconds} s`);
    }
    const own = await ask('rotateCredential', { id: maker.id });
    assert.deepEqual([own.lifeSeconds, own.endsBy], [600, undefined]);
  });

  it('makes nobody who joins an operator, and says again only what it has stored', async () => {
    const scene = await startGuarded();
    const { id, hash } = drawToken();
    const rights = { roles: [Role.WORKER], ...ALL };
    const asked = { id, secretHash: Buffer.from(hash, 'hex'), name: 'fleet', rights, uses: 3, lifetimeSeconds: 60n };
    const make = (method: string, change: object = {}): Promise<string> =>
      refusalOf(askAs(scene.operator, scene.access.client, method, { ...asked, ...change }));
    const operator = { rights: { roles: [Role.WORKER, Role.OPERATOR], ...ALL } };
    assert.match(await make('createJoin', operator), /^INVALID_ARGUMENT rights\.roles\[1\]/);
    assert.deepEqual([await make('createJoin'), await make('createJoin')], ['OK', 'OK']);
    for (const change of [{ name: 'x' }, { lifetimeSeconds: 61n }, { uses: 2 }, { clientLifetimeSeconds: 60n }]) {
      assert.match(await make('createJoin', change), /^ALREADY_EXISTS id/, JSON.stringify(Object.keys(change)));
    }
    assert.match(await make('createJoin', { rights: { ...rights, queues: ['a'] } }), /^ALREADY_EXISTS id/);
    assert.match(await make('createToken'), /^ALREADY_EXISTS id/);
  });

  it('has what was rotated meanwhile as the answer for who makes it again, and tells who rotated it', async () => {
    const scene = await startGuarded();
    const { id, hash } = drawToken();
    const asked = { id, secretHash: Buffer.from(hash, 'hex'), name: 'web', rights: { roles: [Role.PRODUCER], ...ALL } };
    const ask = <O>(method: string, request: object): Promise<O> =>
      askAs(scene.operator, scene.access.client, method, request);
    await ask('createToken', asked);
    const next = drawToken();
    const rotation = { id, newId: next.id, secretHash: Buffer.from(next.hash, 'hex'), overlapSeconds: 0 };
    const other = await scene.access.token({}, { name: 'ops' });
    const rotated = await askAs<{ credential: { createdBy: string } }>(
      other.text,
      scene.access.client,
      'rotateCredential',
      rotation,
    );
    assert.equal(rotated.credential.createdBy, 'token:ops');
    assert.equal(await refusalOf(ask('createToken', asked)), 'OK');
  });

  it('makes no token whose name another has that lives, but for who asks again', async () => {
    const scene = await startGuarded();
    const { id, hash } = drawToken();
    const request = {
      id,
      secretHash: Buffer.from(hash, 'hex'),
      name: 'web',
      rights: { roles: [Role.PRODUCER], ...ALL },
    };
    const make = (change: object): Promise<string> =>
      refusalOf(askAs(scene.operator, scene.access.client, 'createToken', { ...request, ...change }));
    assert.deepEqual([await make({}), await make({})], ['OK', 'OK']);
    assert.match(await make({ id: drawToken().id }), /^ALREADY_EXISTS name: a token web lives/);
    await scene.access.revoke(id);
    const next = drawToken();
    assert.equal(await make({ id: next.id, secretHash: Buffer.from(next.hash, 'hex') }), 'OK');
  });

  it('tells nobody the id of what they may not see, and gives nobody what has no pattern but operators of all', async () => {
    const scene = await startGuarded();
    const foreign = await scene.access.token({ queues: ['b/*'] }, { name: 'theirs' });
    const bare = await scene.access.token(
      { roles: [Role.OPERATOR], queues: [], clients: [], calls: [], serves: [] },
      { name: 'bare' },
    );
    const limited = await scene.access.token({ roles: [Role.OPERATOR], queues: ['a/*'] });
    const { id, hash } = drawToken();
    const secretHash = Buffer.from(hash, 'hex');
    const make = (text: string): Promise<string> =>
      refusalOf(
        askAs(text, scene.access.client, 'createToken', {
          id,
          secretHash,
          name: 'theirs',
          rights: { roles: [Role.PRODUCER], queues: ['a/*'] },
        }),
      );
    assert.match(await make(limited.text), /^ALREADY_EXISTS name/);
    assert.doesNotMatch(await make(limited.text), new RegExp(foreign.id));
    assert.match(await make(scene.operator), new RegExp(foreign.id));
    const end = (text: string): Promise<string> =>
      refusalOf(askAs(text, scene.access.client, 'revokeCredential', { id: bare.id }));
    assert.match(await end(limited.text), /^NOT_FOUND/);
    assert.equal(await end(scene.operator), 'OK');
  });
});
