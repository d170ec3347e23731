import assert from 'node:assert/strict';
import { nameActKind } from '../../client/acts.ts';
import { type ActsQuery, createAdmin } from '../../client/index.ts';
import { ActKind, AdminService, Role } from '../../gen/index.ts';
import { drawToken } from '../../server/access/token.ts';
import { askAs, startGuarded } from '../scene/access.ts';
import { ask, connect, enqueue, enqueueMany, refusalOf } from '../scene/clients.ts';
import { closeScene, use } from '../scene/end.ts';
import { connectTo, startScene } from '../scene/server.ts';
import { openWorker } from '../scene/worker.ts';

const { method } = AdminService;

describe('what operators have ordered', () => {
  afterEach(closeScene);

  it('is told: who did what, the newest first, and over a restart', async () => {
    const scene = await startScene({ isDurable: true });
    const clients = connect(scene);
    const admin = use(createAdmin(connectTo(scene.address)));
    const worker = await openWorker(clients, { clientId: 'a', queues: ['none'] });
    const ids = await enqueueMany(clients, 3);
    await admin.pauseQueue('q');
    await admin.setQueueLimits('q', { maxWaiting: 5, maxRunning: 2 });
    await admin.setQueueRetention('q', { days: 1 });
    await admin.cancelTasks({ filter: { queues: ['q'] } }, 'too many');
    await admin.drainClient('a');
    await admin.disconnectClient('a');
    await worker.ended;
    for await (const chunk of admin.backUp()) assert.ok(chunk.length > 0);
    await admin.deleteQueue('q');
    await scene.restart();
    const again = use(createAdmin(connectTo(scene.address)));
    const { acts, nextPageToken } = await again.listActs();
    assert.equal(nextPageToken, '');
    assert.deepEqual(
      acts.map(({ kind, by, queue, clientId, count }) => [nameActKind(kind), by, queue || clientId, Number(count)]),
      [
        ['queue_deleted', 'anonymous', 'q', 1],
        ['tasks_deleted', 'anonymous', 'q', 3],
        ['backed_up', 'anonymous', '', 1],
        ['client_disconnected', 'anonymous', 'a', 1],
        ['client_drained', 'anonymous', 'a', 1],
        ['tasks_cancelled', 'anonymous', 'q', 3],
        ['queue_retained', 'anonymous', 'q', 1],
        ['queue_limited', 'anonymous', 'q', 1],
        ['queue_paused', 'anonymous', 'q', 1],
      ],
    );
    const [cancelled] = acts.filter(({ kind }) => kind === ActKind.TASKS_CANCELLED);
    assert.deepEqual([cancelled?.reason, cancelled?.taskIds.toSorted()], ['too many', ids.toSorted()]);
    const [limited] = acts.filter(({ kind }) => kind === ActKind.QUEUE_LIMITED);
    assert.deepEqual([limited?.limits?.maxWaiting, limited?.limits?.maxRunning], [5, 2]);
    const [retained] = acts.filter(({ kind }) => kind === ActKind.QUEUE_RETAINED);
    assert.deepEqual([retained?.retention?.seconds, retained?.retention?.max], [86_400, 0]);
  });

  it('is found by when, by whom, what about and of which kind, page by page', async () => {
    const scene = await startScene();
    const admin = use(createAdmin(connectTo(scene.address)));
    for (const queue of ['a', 'b', 'c', 'd', 'e']) await admin.pauseQueue(queue, { create: true });
    await admin.resumeQueue('c');
    const kindsOf = async (query: ActsQuery): Promise<string[]> => {
      const found: string[] = [];
      for await (const { kind, queue } of admin.listAllActs(query, { pageSize: 2 })) found.push(`${kind} ${queue}`);
      return found;
    };
    assert.deepEqual(await kindsOf({}), ['6 c', '5 e', '5 d', '5 c', '5 b', '5 a']);
    assert.deepEqual(await kindsOf({ queues: ['c', 'a'] }), ['6 c', '5 c', '5 a']);
    assert.deepEqual(await kindsOf({ kinds: ['queue_resumed'] }), ['6 c']);
    assert.deepEqual(await kindsOf({ by: ['token:ops'] }), []);
    assert.equal((await kindsOf({ by: ['anonymous'], since: new Date(Date.now() - 60_000) })).length, 6);
    assert.deepEqual(await kindsOf({ since: new Date(Date.now() + 60_000) }), []);
    const clients = connect(scene);
    for (const [request, field] of [
      [{ pageSize: 501 }, 'page_size'],
      [{ pageToken: 'x' }, 'page_token'],
      [{ kinds: [99] }, 'kinds\\[0\\]'],
      [{ queues: Array.from({ length: 1_001 }, (_, n) => `q${n}`) }, 'queues'],
      [{ by: Array.from({ length: 101 }, () => 'a') }, 'by'],
    ] as const) {
      const refusal = await refusalOf(ask(clients, method.listActs, request as object));
      assert.match(refusal, new RegExp(`^INVALID_ARGUMENT ${field}: `));
    }
    for (const [query, field] of [
      [{ kinds: ['paused'] }, /^kinds\[0\]: /],
      [{ since: 7 }, /^since: /],
      [{ who: [] }, /^who: unknown field/],
    ] as const) {
      await assert.rejects(admin.listActs(query as never), { code: 'INVALID_ARGUMENT', message: field });
    }
  });

  it('is told by principals: of queues to their operators, of credentials to who may do everything, or did it', async () => {
    const { operator, access, address } = await startGuarded();
    const ops = await access.token({ roles: [Role.OPERATOR, Role.PRODUCER], queues: ['mail/*'] }, { name: 'ops' });
    const other = await access.token({ roles: [Role.OPERATOR], queues: ['bank'] }, { name: 'other' });
    const web = await access.token({ roles: [Role.PRODUCER], queues: ['mail/*'] }, { name: 'web' });
    await askAs(ops.text, access.client, 'revokeCredential', { id: web.id });
    const admin = (token: string) => use(createAdmin({ ...connectTo(address), token }));
    await admin(ops.text).pauseQueue('mail/in', { create: true });
    await admin(operator).pauseQueue('bank', { create: true });
    const seenBy = async (token: string): Promise<string[]> =>
      (await admin(token).listActs()).acts.map(
        ({ kind, by, queue, principal }) => `${nameActKind(kind)} ${queue || principal} ${by}`,
      );
    assert.deepEqual(await seenBy(ops.text), [
      'queue_paused mail/in token:ops',
      'credential_revoked token:web token:ops',
    ]);
    assert.deepEqual(await seenBy(other.text), ['queue_paused bank operator']);
    assert.deepEqual(await seenBy(operator), [
      'queue_paused bank operator',
      'queue_paused mail/in token:ops',
      'credential_revoked token:web token:ops',
      'credential_created token:web operator',
      'credential_created token:other operator',
      'credential_created token:ops operator',
    ]);
    const text = JSON.stringify(await admin(operator).listActs(), (_, value) =>
      typeof value === 'bigint' ? 0 : value,
    );
    for (const secret of [ops.text, other.text, web.text]) assert.equal(text.includes(secret), false);
  });

  it('has no secret that somebody gave as a reason', async () => {
    const scene = await startScene();
    const clients = connect(scene);
    const admin = use(createAdmin(connectTo(scene.address)));
    const [id] = await enqueue(clients, {});
    const { text: secret } = drawToken();
    await admin.cancelTasks({ ids: [id!] }, `by ${secret}`);
    const [act] = (await admin.listActs()).acts;
    assert.match(act?.reason ?? '', /^by /);
    assert.equal(act?.reason.includes(secret.slice(-20)), false);
  });
});
