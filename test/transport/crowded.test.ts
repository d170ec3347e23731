import assert from 'node:assert/strict';
import { join } from 'node:path';
import { DatabaseSync } from 'node:sqlite';
import type { ServiceError } from '@grpc/grpc-js';
import { Role } from '../../gen/index.ts';
import { drawToken } from '../../server/access/token.ts';
import { ALL_RIGHTS, type Rights } from '../../server/model/access.ts';
import { openStore } from '../../server/store/open.ts';
import { ALL, askAs, startGuarded } from '../scene/access.ts';
import { refusalOf } from '../scene/clients.ts';
import { createToken } from '../scene/credentials.ts';
import { closeScene } from '../scene/end.ts';
import { createFolder } from '../scene/folder.ts';
import { T0 } from '../scene/tasks.ts';

const NARROW: Rights = { ...ALL_RIGHTS, roles: ['operator'], queues: ['mail/*'] };

describe('credentials of one operator', () => {
  afterEach(closeScene);

  it('are no reason to refuse those of others, nor its rotations, and revoking one makes room at once', async () => {
    const file = join(createFolder(), 'contact.db');
    const store = await openStore(`sqlite:${file}`, { node: 'test' });
    const [root, narrow, other] = [drawToken(), drawToken(), drawToken()];
    const keep = ({ id, hash }: typeof root, name: string, rights = NARROW) =>
      store.createCredential(createToken({ id, hash, name, principal: `token:${name}`, rights, expiresAt: null }), T0);
    await keep(root, 'root', { ...ALL_RIGHTS, roles: ['operator'] });
    await keep(narrow, 'narrow');
    await keep(other, 'other');
    const made = { ...createToken({ expiresAt: null }), madeWith: narrow.id, countedFor: 'token:narrow' };
    await store.createCredential(made, T0);
    await store.close();
    const db = new DatabaseSync(file);
    const columns = db.prepare("SELECT name FROM pragma_table_info('credential')").all();
    const copied = columns.map(({ name }) => (name === 'id' || name === 'hash' ? `${name} || n` : name)).join();
    db.exec(
      `WITH RECURSIVE number(n) AS (SELECT 1 UNION ALL SELECT n + 1 FROM number WHERE n < 22499)
       INSERT INTO credential SELECT ${copied} FROM number, credential WHERE id = '${made.id}'`,
    );
    db.close();

    const scene = await startGuarded({ store: `sqlite:${file}` });
    const { client } = scene.access;
    const draw = () => {
      const { id, hash } = drawToken();
      return { id, secretHash: Buffer.from(hash, 'hex') };
    };
    let count = 0;
    const make = (by: typeof root, queue = 'mail/in') => {
      const rights = { roles: [Role.PRODUCER], ...ALL, queues: [queue] };
      return askAs(by.text, client, 'createToken', { ...draw(), name: `made-${++count}`, rights });
    };
    const refusal = await make(narrow).then(
      () => assert.fail('it is taken'),
      (error: ServiceError) => error,
    );
    assert.match(refusal.details, /^22500 credentials count for token:narrow, .*: revoking some/);
    assert.ok(Number(refusal.metadata.get('contact-retry-after-ms')[0]) >= 10_000);
    assert.equal(await refusalOf(make(other)), 'OK');
    assert.equal(await refusalOf(make(root, '*')), 'OK');
    const { id: newId, secretHash } = draw();
    const rotation = { id: made.id, newId, secretHash };
    assert.equal(await refusalOf(askAs(narrow.text, client, 'rotateCredential', rotation)), 'OK');
    for (const id of [newId]) assert.equal(await refusalOf(askAs(root.text, client, 'revokeCredential', { id })), 'OK');
    assert.equal(await refusalOf(make(narrow)), 'OK');
    assert.match(await refusalOf(make(narrow)), /^RESOURCE_EXHAUSTED/);
  });
});
