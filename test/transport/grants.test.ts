import assert from 'node:assert/strict';
import { writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { AdminService, TaskService } from '../../gen/index.ts';
import { startGuarded } from '../scene/access.ts';
import { ask, connect, refusalOf } from '../scene/clients.ts';
import { closeScene } from '../scene/end.ts';
import { createFolder } from '../scene/folder.ts';
import { AUDIENCE, createSigner, ISSUER } from '../scene/signer.ts';

describe('a caller with several grants', () => {
  afterEach(closeScene);

  it('may do what each of them allows, and nothing by the role of one in the queues of another', async () => {
    const signer = await createSigner();
    const jwks = join(createFolder(), 'keys.json');
    writeFileSync(jwks, JSON.stringify({ keys: [signer.jwk] }));
    const scene = await startGuarded({
      ...{ jwks, jwtIssuer: ISSUER, jwtAudience: AUDIENCE },
      jwtGrants: [
        'web role=producer queue=mail/* client=a',
        'obs role=observer queue=*',
        'ops role=operator queue=mail/* client=*',
        'all role=observer queue=* client=*',
      ],
    });
    const tryAs = async (roles: readonly string[]) => {
      const clients = connect(scene, {}, await signer.sign({ roles }));
      const give = (queue: string, clientId?: string): Promise<string> => {
        const target = clientId === undefined ? {} : { target: { case: 'clientId', value: clientId } as const };
        return refusalOf(ask(clients, TaskService.method.enqueueTasks, { tasks: [{ queue, ...target }] }));
      };
      return { clients, give };
    };
    const both = await tryAs(['web', 'obs']);
    assert.deepEqual([await both.give('mail/in'), await both.give('mail/in', 'a')], ['OK', 'OK']);
    assert.match(await both.give('bank'), /^PERMISSION_DENIED tasks\[0\]\.queue/);
    assert.equal(await refusalOf(ask(both.clients, AdminService.method.listQueues, {})), 'OK');

    const operator = await tryAs(['ops', 'all']);
    assert.match(
      await refusalOf(ask(operator.clients, AdminService.method.purgeQueue, { queue: 'bank' })),
      /^PERMISSION_DENIED queue/,
    );
    assert.equal(await refusalOf(ask(operator.clients, AdminService.method.purgeQueue, { queue: 'mail/in' })), 'OK');
    const wider = await tryAs(['web', 'ops']);
    assert.deepEqual([await wider.give('mail/in', 'b'), await wider.give('mail/in', 'a')], ['OK', 'OK']);
    assert.match(await both.give('mail/in', 'b'), /^PERMISSION_DENIED tasks\[0\]\.client_id/);
  });
});
