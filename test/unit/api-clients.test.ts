import assert from 'node:assert/strict';
import { create } from '@bufbuild/protobuf';
import {
  BackUpRequestSchema,
  DescribeClientRequestSchema,
  DisconnectClientRequestSchema,
  DrainClientRequestSchema,
  EnqueueTasksRequestSchema,
  GetServerInfoRequestSchema,
  GetTaskRequestSchema,
  ListClientsRequestSchema,
  OutcomeSchema,
  ResumeClientRequestSchema,
  TellResultRequestSchema,
} from '../../gen/index.ts';
import type { Caller } from '../../server/model/caller.ts';
import type { SessionEvent, TaskOutlet } from '../../server/session/outlet.ts';
import type { Session } from '../../server/session/session.ts';
import { newSessionId } from '../../shared/ids.ts';
import { type ApiScene, createContext, openApi } from '../scene/api.ts';
import type { TaskInit } from '../scene/clients.ts';
import { until } from '../scene/until.ts';
import { codeOf } from '../scene/worker.ts';

const OF_ROBOTS: Partial<Caller> = { principal: 'token:fleet', clients: { clients: ['robot-*'] } };
const ROBOT_7: Partial<Caller> = {
  principal: 'client:robot-7',
  clientId: 'robot-7',
  clients: { clients: ['robot-7'] },
};
const OUTLET = { peer: '', send: () => true, onDrain: () => undefined, end: () => undefined };

describe('a caller with some clients', () => {
  let scene: ApiScene;

  beforeEach(async () => {
    scene = await openApi();
  });

  afterEach(() => scene.close());

  /** A call of who has these rights, with these headers. */
  function call(rights: Partial<Caller>, headers: Readonly<Record<string, string>> = {}) {
    const { context } = createContext('all', rights);
    return { ...context, header: (name: string) => headers[name] };
  }

  function register(rights: Partial<Caller>, headers: Readonly<Record<string, string>> = {}): Promise<Session> {
    const request = create(GetTaskRequestSchema, { queues: ['q'], maxInFlight: 5 });
    return scene.api.worker.openSession(request, call(rights, headers), OUTLET);
  }

  const enqueue = (rights: Partial<Caller>, task: TaskInit) =>
    scene.api.tasks.enqueueTasks(create(EnqueueTasksRequestSchema, { tasks: [{ queue: 'q', ...task }] }), call(rights));

  it('gives no task to another, whether there is one or not', async () => {
    await register({}, { 'contact-client': 'laptop' });
    for (const value of ['laptop', 'nobody']) {
      const refusal = {
        code: 'PERMISSION_DENIED',
        message: `tasks[0].client_id: ${value} is no client of this caller`,
        field: 'tasks[0].client_id',
      };
      await assert.rejects(enqueue(OF_ROBOTS, { target: { case: 'clientId', value } }), refusal);
    }
    await enqueue(OF_ROBOTS, { target: { case: 'clientId', value: 'robot-7' } });
    await enqueue(OF_ROBOTS, {});
  });

  it('gives none for a selector, which may mean any', async () => {
    const task = { target: { case: 'selector', value: 'site=berlin' } } as const;
    await assert.rejects(enqueue(OF_ROBOTS, task), { code: 'PERMISSION_DENIED', field: 'tasks[0].selector' });
    await enqueue({}, task);
  });

  it('broadcasts to its own, and finds nobody where there are others alone', async () => {
    const task = { target: { case: 'broadcast', value: {} } } as const;
    await register({}, { 'contact-client': 'laptop' });
    await assert.rejects(enqueue(OF_ROBOTS, task), { code: 'FAILED_PRECONDITION' });
    await register({}, { 'contact-client': 'robot-7' });
    const { tasks } = await enqueue(OF_ROBOTS, task);
    assert.deepEqual(await countChildren(tasks![0]!.id!), 1);
    const all = await enqueue({}, task);
    assert.deepEqual(await countChildren(all.tasks![0]!.id!), 2);
  });

  const countChildren = async (id: string) => (await scene.store.countChildren(id))?.children;

  it('registers as one of its own, or as nobody in particular', async () => {
    const refusal = { code: 'PERMISSION_DENIED', field: 'contact-client' };
    await assert.rejects(register(OF_ROBOTS, { 'contact-client': 'laptop' }), refusal);
    assert.equal((await register(OF_ROBOTS, { 'contact-client': 'robot-9' })).clientId, 'robot-9');
    assert.match((await register(OF_ROBOTS)).clientId, /^anonymous:/);
  });

  it('registers as the one that it is bound to, named or not, and as no other', async () => {
    const refusal = { code: 'PERMISSION_DENIED', field: 'contact-client' };
    await assert.rejects(register(ROBOT_7, { 'contact-client': 'robot-8' }), refusal);
    const session = await register(ROBOT_7);
    assert.deepEqual([session.clientId, session.options.isNamed], ['robot-7', true]);
    assert.equal((await register(ROBOT_7, { 'contact-client': 'robot-7' })).clientId, 'robot-7');
  });

  it('sees its own, page by page, and no page tells of others', async () => {
    for (const name of ['a', 'robot-1', 'robot-2', 'z']) await register({}, { 'contact-client': name });
    const seen: unknown[] = [];
    let pageToken: string | undefined = '';
    do {
      const request = create(ListClientsRequestSchema, { pageSize: 1, pageToken });
      const page = await scene.api.admin.listClients(request, call(OF_ROBOTS));
      seen.push([page.clients?.map(({ id }) => id), page.nextPageToken]);
      pageToken = page.nextPageToken;
    } while (pageToken);
    assert.deepEqual(seen, [
      [['robot-1'], 'robot-1'],
      [['robot-2'], 'robot-2'],
      [[], ''],
    ]);
  });

  it('tells operators whose a client is, and nobody else but itself', async () => {
    // One that no credential of the store stands for.
    const principal = 'jwt:robot-7';
    await register({ ...ROBOT_7, principal });
    const request = create(ListClientsRequestSchema, {});
    const told = async (rights: Partial<Caller>) => {
      const { clients } = await scene.api.admin.listClients(request, call({ ...OF_ROBOTS, ...rights }));
      return clients!.map((client) => client.principal);
    };
    assert.deepEqual(await told({ roles: new Set(['operator']) }), [principal]);
    assert.deepEqual(await told({ roles: new Set(['observer']) }), ['']);
    assert.deepEqual(await told({ roles: new Set(['observer']), principal }), [principal]);
  });

  it('describes and orders its own alone', async () => {
    for (const name of ['laptop', 'robot-1']) await register({}, { 'contact-client': name });
    const { admin } = scene.api;
    const acts = [
      (clientId: string) => admin.describeClient(create(DescribeClientRequestSchema, { clientId }), call(OF_ROBOTS)),
      (clientId: string) => admin.drainClient(create(DrainClientRequestSchema, { clientId }), call(OF_ROBOTS)),
      (clientId: string) => admin.resumeClient(create(ResumeClientRequestSchema, { clientId }), call(OF_ROBOTS)),
      (clientId: string) =>
        admin.disconnectClient(create(DisconnectClientRequestSchema, { clientId }), call(OF_ROBOTS)),
    ];
    for (const act of acts) {
      for (const clientId of ['laptop', 'nobody']) {
        await assert.rejects(act(clientId), { code: 'NOT_FOUND', message: `client_id: no client ${clientId}` });
      }
      await act('robot-1');
    }
    assert.deepEqual(
      [...scene.registry.sessions].map(({ clientId, isDraining }) => [clientId, isDraining]),
      [['laptop', false]],
    );
  });

  it('makes no backup', async () => {
    const next = (rights: Partial<Caller>) =>
      scene.api.admin.backUp(create(BackUpRequestSchema, {}), call(rights))[Symbol.asyncIterator]().next();
    for (const rights of [OF_ROBOTS, { roles: new Set(['observer'] as const) }]) {
      await assert.rejects(next(rights), { code: 'PERMISSION_DENIED' });
    }
    assert.deepEqual(await next({}), { value: {}, done: false });
  });

  it('is told of the server itself only as an operator', async () => {
    await register({}, { 'contact-client': 'laptop' });
    const request = create(GetServerInfoRequestSchema, {});
    const told = await scene.api.admin.getServerInfo(request, call({ roles: new Set(['observer']) }));
    assert.deepEqual(Object.keys(told).toSorted(), ['intervals', 'limits', 'now', 'revision', 'version']);
    assert.equal((await scene.api.admin.getServerInfo(request, call({}))).sessions, 1);
  });
});

describe('a delivery', () => {
  let scene: ApiScene;

  beforeEach(async () => {
    scene = await openApi();
  });

  afterEach(() => scene.close());

  async function* only<T>(one: T) {
    yield one;
  }

  async function tell(rights: Partial<Caller>, clientId: string, named: { taskId: string; delivery: number }) {
    const { context } = createContext('all', rights);
    const header = (name: string) => (name === 'contact-client' && clientId !== '' ? clientId : undefined);
    const request = create(TellResultRequestSchema, { succeeded: [named] });
    const { outcomes = [] } = await scene.api.worker.tellResult(only(request), { ...context, header });
    return outcomes.map((one) => codeOf(create(OutcomeSchema, one)));
  }

  /** A task that a session of this client has. */
  async function push(rights: Partial<Caller>, clientId: string) {
    const { context } = createContext('all', rights);
    const taken: { taskId: string; delivery: number }[] = [];
    const header = (name: string) => (name === 'contact-client' && clientId !== '' ? clientId : undefined);
    const outlet: TaskOutlet = {
      ...OUTLET,
      send(_seq, event) {
        if (event.kind === 'tasks') taken.push(...event.tasks.map(({ id, delivery }) => ({ taskId: id, delivery })));
        return true;
      },
    };
    await scene.api.worker.openSession(
      create(GetTaskRequestSchema, { queues: ['q'], maxInFlight: 5 }),
      { ...context, header },
      outlet,
    );
    await scene.enqueue('q');
    await until('a task', () => taken.length > 0);
    return taken[0]!;
  }

  it('that runs longest is told to who may see all queues, how runs ended to whoever sees the client', async () => {
    const held = await push({}, 'robot-1');
    await scene.enqueue('q');
    assert.deepEqual(await tell({}, 'robot-1', held), ['STORED']);
    const request = create(DescribeClientRequestSchema, { clientId: 'robot-1' });
    const describeFor = async (queues: 'all' | string[]) =>
      (await scene.api.admin.describeClient(request, createContext(queues).context)).client!;
    await until('the next task', async () => (await describeFor('all')).oldestRunning !== undefined);
    for (const [queues, isTold] of [['all', true] as const, [['q'], false] as const]) {
      const { runs, oldestRunning } = await describeFor(queues === 'all' ? 'all' : [...queues]);
      assert.deepEqual([runs?.ended, runs?.failed, oldestRunning !== undefined], [1n, 0n, isTold]);
    }
  });

  it('is ended over TellResult by the principal that has it, and by no other', async () => {
    const held = await push(OF_ROBOTS, 'robot-1');
    assert.deepEqual(await tell({ principal: 'token:other' }, 'robot-1', held), ['STALE']);
    assert.deepEqual(await tell({ principal: 'token:other' }, '', held), ['STALE']);
    assert.deepEqual(await tell(OF_ROBOTS, 'robot-2', held), ['STALE']);
    assert.deepEqual(await tell(OF_ROBOTS, 'robot-1', held), ['STORED']);
  });

  it('is ended by its principal without the name of a client too', async () => {
    const held = await push(OF_ROBOTS, '');
    assert.deepEqual(await tell(OF_ROBOTS, '', held), ['STORED']);
    assert.deepEqual(await tell(OF_ROBOTS, '', held), ['DUPLICATE']);
  });

  it('of who is bound to a client is ended in its name, said or not', async () => {
    const held = await push(ROBOT_7, '');
    await assert.rejects(tell(ROBOT_7, 'robot-8', held), { code: 'PERMISSION_DENIED', field: 'contact-client' });
    assert.deepEqual(await tell(ROBOT_7, '', held), ['STORED']);
  });

  it('is resumed by the principal that has it, and by no other', async () => {
    const sessionId = newSessionId();
    const open = (rights: Partial<Caller>, id: string, resume?: object) => {
      const { context } = createContext('all', rights);
      const headers: Record<string, string> = { 'contact-client': 'robot-1', 'contact-session': id };
      const request = create(GetTaskRequestSchema, {
        queues: ['q'],
        maxInFlight: 5,
        ephemeral: true,
        ...(resume && { resume }),
      });
      const events: SessionEvent[] = [];
      const outlet: TaskOutlet = { ...OUTLET, send: (_seq, event) => events.push(event) > 0 };
      const opened = scene.api.worker.openSession(request, { ...context, header: (name) => headers[name] }, outlet);
      return opened.then(() => events.find((event) => event.kind === 'registered')!);
    };
    await open(OF_ROBOTS, sessionId);
    const again = { previousSession: sessionId, holding: [] };
    assert.equal((await open({ principal: 'token:other' }, newSessionId(), again)).resumed, false);
    assert.equal((await open(OF_ROBOTS, newSessionId(), again)).resumed, true);
  });
});
