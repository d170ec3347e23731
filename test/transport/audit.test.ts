import assert from 'node:assert/strict';
import type { DescService } from '@bufbuild/protobuf';
import { credentials } from '@grpc/grpc-js';
import { createAdmin, createProducer } from '../../client/index.ts';
import { AccessService, AdminService, EnrolmentService, Role, TaskService } from '../../gen/index.ts';
import { drawToken } from '../../server/access/token.ts';
import { createAudit } from '../../server/api/audit.ts';
import { createClient } from '../../shared/grpc.ts';
import { askAs, startGuarded } from '../scene/access.ts';
import { ask, connect, enqueueMany, refusalOf } from '../scene/clients.ts';
import { atEnd, closeScene, use } from '../scene/end.ts';
import { createLogbook } from '../scene/logbook.ts';
import { startProxy } from '../scene/proxy.ts';
import { connectTo, startScene } from '../scene/server.ts';
import { until } from '../scene/until.ts';
import { openWorker } from '../scene/worker.ts';

/** Methods of operators that only look. */
const LOOKS: readonly string[] = [
  'ListQueues',
  'ListClients',
  'DescribeClient',
  'GetServerInfo',
  'ListCredentials',
  'DescribeCaller',
  'DescribeTask',
  'ListTasks',
  'CountTasks',
  'ListFailures',
  'GetHistory',
  'ListActs',
  'WatchTask',
  'WatchResults',
];
/** What programs do, for each task. */
const BY_PROGRAMS: readonly string[] = ['EnqueueTasks', 'StreamEnqueue', 'CallTask'];

describe('the audit log', () => {
  afterEach(closeScene);

  it('has a row for every method that changes something for operators', () => {
    const book = createLogbook();
    const audit = createAudit({ done: book, others: book, vain: book });
    const handle = async (): Promise<never> => Promise.reject(new Error('nobody calls it'));
    const silent = [AdminService, AccessService, EnrolmentService, TaskService].flatMap((service) => {
      const handlers = Object.fromEntries(service.methods.map(({ localName }) => [localName, handle]));
      const audited: Record<string, unknown> = audit<DescService, string>(service, handlers);
      return service.methods.filter(({ localName }) => audited[localName] === handle).map(({ name }) => name);
    });
    assert.deepEqual(silent.sort(), [...LOOKS, ...BY_PROGRAMS].sort());
  });

  it('tells what operators do: who, from where, what, and what came of it; and not what programs do', async () => {
    const book = createLogbook();
    const scene = await startScene({}, { logger: book });
    const admin = use(createAdmin(connectTo(scene.address)));
    const producer = use(createProducer(connectTo(scene.address)));
    const ids = await Promise.all(['a', 'b', 'c'].map(async (payload) => (await producer.enqueue('q', payload)).id));
    await admin.pauseQueue('q');
    await admin.resumeQueue('q');
    await admin.setQueueRetention('q', { days: 1, max: 5 });
    await admin.cancelTasks({ ids: [ids[0]!] });
    await admin.cancelTasks({ filter: { queues: ['q'] } });
    await admin.purgeQueue('q');
    await admin.deleteQueue('q', { dryRun: true });
    await admin.deleteQueue('q');
    await assert.rejects(admin.pauseQueue('nosuch'));
    await admin.listQueues();

    const audits = book.audits();
    for (const { principal, peer, message } of audits) {
      assert.deepEqual([principal, message], ['anonymous', 'operator']);
      assert.match(String(peer), /^127\.0\.0\.1:\d+$/);
    }
    assert.deepEqual(
      audits.map(({ action, queue, filter, outcome, total }) => [action, queue ?? filter, outcome, total]),
      [
        ['PauseQueue', 'q', 'ok', undefined],
        ['ResumeQueue', 'q', 'ok', undefined],
        ['SetQueueRetention', 'q', 'ok', undefined],
        ['CancelTasks', '{"queues":["q"]}', 'ok', 2],
        ['PurgeQueue', 'q', 'ok', 0],
        ['DeleteQueue', 'q', 'ok', undefined],
        ['PauseQueue', 'nosuch', 'NOT_FOUND', undefined],
      ],
    );
    assert.deepEqual(audits[2]!.retention, { seconds: 86_400, max: 5 });
  });

  it('tells by their principals who makes, gives, replaces and revokes credentials', async () => {
    const book = createLogbook();
    const { operator, access } = await startGuarded({}, { logger: book });
    const ops = await access.token({}, { name: 'ops' });
    const web = await access.token({ roles: [Role.PRODUCER] }, { name: 'web' });
    const join = await access.join({}, { name: 'fleet' });
    await access.enrol(join, 'robot-1');
    const next = drawToken();
    const rotation = { id: web.id, newId: next.id, secretHash: Buffer.from(next.hash, 'hex') };
    await askAs(ops.text, access.client, 'rotateCredential', rotation);
    await askAs(ops.text, access.client, 'revokeCredential', { id: next.id });
    await assert.rejects(askAs(operator, access.client, 'revokeCredential', { id: drawToken().id }));
    assert.deepEqual(
      book
        .audits()
        .map(({ principal, action, credential, name, outcome }) => [
          principal,
          action,
          ...(typeof name === 'string' ? [name] : []),
          ...([ops, web, join].find(({ id }) => id === credential) ? ['known'] : []),
          outcome,
        ]),
      [
        ['operator', 'CreateToken', 'ops', 'known', 'ok'],
        ['operator', 'CreateToken', 'web', 'known', 'ok'],
        ['operator', 'CreateJoin', 'fleet', 'known', 'ok'],
        ['join:fleet', 'Enrol', 'ok'],
        ['token:ops', 'RotateCredential', 'known', 'ok'],
        ['token:ops', 'RevokeCredential', 'ok'],
        ['operator', 'RevokeCredential', 'NOT_FOUND'],
      ],
    );
  });

  it('has a pace for what others ask for in vain, counts what it left out, and has each act of an operator', async () => {
    const book = createLogbook();
    const { operator, access, address } = await startGuarded({}, { logger: book });
    const web = await access.token({ roles: [Role.PRODUCER] }, { name: 'web' });
    const tasks = createClient(TaskService, address, credentials.createInsecure());
    atEnd(() => tasks.close());
    const filter = { queues: ['none'], metadata: { key: '\u0001' } };
    for (let n = 0; n < 30; n++) await askAs(web.text, tasks, 'cancelTasks', { filter });
    for (let n = 0; n < 30; n++) await askAs(operator, tasks, 'cancelTasks', { filter });
    const noId = { id: '\u0001'.repeat(1_000) };
    await assert.rejects(askAs(operator, access.client, 'revokeCredential', noId));
    const of = (name: string) => book.audits().filter(({ principal }) => principal === name);
    const left = () => book.audits().filter(({ unlogged }) => unlogged !== undefined);
    await until('the count', () => left().length > 0);
    const count = (left()[0]!.unlogged as { operator: number }).operator;
    assert.ok(of('token:web').length < 30, `${of('token:web').length} lines`);
    assert.equal(of('token:web').length + count, 30);
    const [made, ...cancels] = of('operator');
    assert.deepEqual([made!.action, cancels.length], ['CreateToken', 31]);
    assert.ok(JSON.stringify(cancels.at(-1)).length < 600);
  });

  it('tells of a filter that no JSON is of, whose refusal stays what it is', async () => {
    const book = createLogbook();
    const scene = await startScene({}, { logger: book });
    const filter = { createdBefore: { seconds: -179_555_402_776_577n, nanos: 0 } };
    const refused = ask(connect(scene), TaskService.method.deleteTasks, { filter });
    assert.doesNotMatch(await refusalOf(refused), /INTERNAL/);
    assert.equal(book.audits().at(-1)?.filter, 'not valid');
  });

  it('tells a backup once it has ended', async () => {
    const book = createLogbook();
    const scene = await startScene({ isDurable: true }, { logger: book });
    const admin = use(createAdmin(connectTo(scene.address)));
    for await (const chunk of admin.backUp()) assert.ok(chunk.length > 0);
    await until('the line', () => book.audits().length === 1);
    assert.deepEqual([book.audits()[0]!.action, book.audits()[0]!.outcome], ['BackUp', 'ok']);
  });
});

describe('the log of a server', () => {
  afterEach(closeScene);

  it('tells when a client comes, is lost, resumes, is drained, replaced and disconnected, and nothing of tasks', async () => {
    const book = createLogbook();
    const scene = await startScene({ resumeWindowMs: 5_000 }, { logger: book });
    const clients = connect(scene);
    const admin = use(createAdmin(connectTo(scene.address)));
    const proxy = await startProxy(scene);
    const first = await openWorker(connect(proxy), { clientId: 'w' });
    await enqueueMany(clients, 5);
    await first.receive(1);
    const taskIds = first.tasks.map(({ taskId }) => taskId);
    proxy.cut();
    await first.ended;
    await until('the loss', () => book.messages().includes('client lost'));
    const resume = { previousSession: first.sessionId, holding: [] };
    const second = await openWorker(clients, { clientId: 'w', resume });
    await admin.drainClient('w');
    const third = await openWorker(clients, { clientId: 'w' });
    await second.ended;
    await admin.disconnectClient('w');
    await third.ended;

    const told = book.lines.filter(({ message }) => message.startsWith('client '));
    assert.deepEqual(
      told.map(({ message, client }) => [message, client]),
      [
        ['client connected', 'w'],
        ['client lost', 'w'],
        ['client resumed', 'w'],
        ['client drained', 'w'],
        ['client replaced', 'w'],
        ['client connected', 'w'],
        ['client disconnected', 'w'],
      ],
    );
    const text = JSON.stringify(book.lines);
    for (const id of taskIds) assert.equal(text.includes(id), false);
  });

  it('tells its start and its end, and nothing secret that clients sent', async () => {
    const book = createLogbook();
    const scene = await startScene({}, { logger: book });
    const secret = 'ct_abcdefghijklmnop_hush-hush-hush';
    const token = { ...connectTo(scene.address), token: secret };
    const producer = use(createProducer(token));
    const admin = use(createAdmin(token));
    await producer.enqueue('q', 'x');
    await admin.pauseQueue('q');
    const { sessionId } = await openWorker(connect(scene), { clientId: 'w' });
    await assert.rejects(admin.pauseQueue('a b'));
    await scene.stop({ deadlineMs: 0 });
    assert.ok(book.messages().includes('listening') && book.messages().at(-1) === 'stopped');
    const text = JSON.stringify(book.lines);
    assert.equal(text.includes('hush'), false);
    assert.equal(text.includes(sessionId), false);
  });
});
