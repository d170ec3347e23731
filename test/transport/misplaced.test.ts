import assert from 'node:assert/strict';
import { AdminService, Retry, Role, TaskService } from '../../gen/index.ts';
import { drawToken } from '../../server/access/token.ts';
import { writeJoinText } from '../../shared/jointext.ts';
import { type GuardedScene, startGuarded } from '../scene/access.ts';
import { ask, type Clients, connect, enqueue, refusalOf } from '../scene/clients.ts';
import { closeScene } from '../scene/end.ts';
import { createLogbook, type Logbook } from '../scene/logbook.ts';
import { until } from '../scene/until.ts';
import { openWorker } from '../scene/worker.ts';

const { listTasks, callTask, cancelTasks, describeTask } = TaskService.method;
const { pauseQueue, describeClient, listClients, listFailures } = AdminService.method;

const plain = (_: string, value: unknown): unknown => (typeof value === 'bigint' ? String(value) : value);

describe('A credential in the place of a name', () => {
  let scene: GuardedScene;
  let clients: Clients;
  let log: Logbook;
  const { text: token, id } = drawToken();
  const join = writeJoinText({ addresses: ['a:1'], pin: '', id, secret: token.slice(-43) });

  before(async () => {
    log = createLogbook();
    scene = await startGuarded({}, { logger: log });
    clients = connect(scene, {}, scene.operator);
  });
  after(closeScene);

  const PLACES: readonly [string, string, (text: string) => Promise<unknown>][] = [
    ['queue of a task', 'tasks[0].queue', (queue) => enqueue(clients, { queue })],
    ['client of a task', 'tasks[0].client_id', (value) => enqueue(clients, { target: { case: 'clientId', value } })],
    [
      'selector of a task',
      'tasks[0].selector',
      (text) => enqueue(clients, { target: { case: 'selector', value: `key=${text}` } }),
    ],
    ['idempotency key', 'tasks[0].idempotency_key', (idempotencyKey) => enqueue(clients, { idempotencyKey })],
    ['metadata of a task', 'tasks[0].metadata', (text) => enqueue(clients, { metadata: { token: text } })],
    [
      'selector that is none',
      'tasks[0].selector',
      (text) => enqueue(clients, { target: { case: 'selector', value: `a==${text} b` } }),
    ],
    ['content type', 'tasks[0].content_type', (contentType) => enqueue(clients, { contentType })],
    ['queue of a call', 'task.queue', (queue) => ask(clients, callTask, { task: { queue } })],
    ['queue of a worker', 'queues[1]', (queue) => openWorker(clients, { queues: ['q', queue] })],
    ['id of a client', 'contact-client', (clientId) => openWorker(clients, { clientId, isFull: false })],
    ['label', 'labels (a key)', (text) => openWorker(clients, { labels: { [text]: 'x' }, isFull: false })],
    ['value of a label', 'labels[key]', (text) => openWorker(clients, { labels: { key: text }, isFull: false })],
    ['session', 'contact-session', (sessionId) => openWorker(clients, { sessionId, isFull: false })],
    ['queue to pause', 'queue', (queue) => ask(clients, pauseQueue, { queue })],
    ['client to show', 'client_id', (clientId) => ask(clients, describeClient, { clientId })],
    ['page', 'page_token', (pageToken) => ask(clients, listTasks, { pageToken })],
    ['name of a token', 'name', (name) => scene.access.token({}, { name })],
    ['pattern', 'rights.queues[0]', (text) => scene.access.token({ roles: [Role.WORKER], queues: [`${text}/*`] })],
  ];
  for (const [what, field, send] of PLACES) {
    it(`is refused, and repeated nowhere: ${what}`, async () => {
      for (const text of [token, join, `x${token}-old`, token.slice(0, -1), token]) {
        const refusal = await refusalOf(send(text));
        assert.ok(refusal.startsWith(`INVALID_ARGUMENT ${field}: `), refusal.replaceAll(text, 'TEXT'));
        const seen = `${refusal}\n${JSON.stringify(log.lines)}`;
        assert.ok(!seen.includes(text.slice(21, 50)), seen.slice(-900));
      }
    });
  }

  it('is hidden where it stands in a text that others are shown: of a worker, and why a task is cancelled', async () => {
    const worker = await openWorker(clients, { clientId: 'told', queues: ['told'], agent: `agent/1 ${token}` });
    const clientsNow = await ask(clients, listClients, {});
    const [taskId] = await enqueue(clients, {
      queue: 'told',
      metadata: { jwt: 'eyJhbGciOiJub25lIn0.eyJzdWIiOiJhIn0.' },
    });
    await worker.receive(1);
    await ask(clients, cancelTasks, { ids: [taskId!], reason: `taken by ${token}x` });
    const described = await ask(clients, describeTask, { id: taskId! });
    await until('it is told', () => worker.cancels.length > 0);
    for (const shown of [clientsNow, described, worker.cancels]) {
      const text = JSON.stringify(shown, plain);
      assert.ok(text.includes(`ct_${id}_***`) && !text.includes(token.slice(21, 50)), text.slice(-900));
    }
  });

  it('is hidden in what a worker says for people, and left as it is in what is data', async () => {
    const worker = await openWorker(clients, { clientId: 'teller', queues: ['said'] });
    await enqueue(clients, { queue: 'said', maxAttempts: 1 });
    const [task] = await worker.receive(1);
    const { taskId, delivery } = task!;
    const details = Buffer.from(token);
    worker.send({ status: `as ${token}`, started: [{ taskId, delivery }] });
    worker.send({ progress: [{ taskId, delivery, fraction: 0.5, message: `with ${token}` }] });
    let running = await ask(clients, describeTask, { id: taskId });
    await until('its progress', async () => {
      running = await ask(clients, describeTask, { id: taskId });
      return JSON.stringify(running, plain).includes('with ct_');
    });
    const client = await ask(clients, describeClient, { clientId: 'teller' });
    const error = { code: token, message: `refused: ${token}`, detail: `Error: ${token}\n at x`, details };
    await worker.report({ failed: [{ taskId, delivery, error, retry: Retry.NEVER }] });
    const { task: failed } = await ask(clients, describeTask, { id: taskId });
    const failures = await ask(clients, listFailures, {});
    for (const shown of [running, client, failed!.attempts, failures]) {
      const text = JSON.stringify(shown, plain);
      assert.ok(text.includes(`ct_${id}_***`) && !text.includes(token.slice(21, 50)), text.slice(-900));
    }
    const [attempt] = failed!.attempts;
    assert.deepEqual(
      [attempt!.error!.code, attempt!.error!.message, attempt!.error!.detail],
      [`ct_${id}_***`, `refused: ct_${id}_***`, `Error: ct_${id}_***\n at x`],
    );
    assert.equal(Buffer.from(attempt!.error!.details).toString(), token);
    assert.ok(!JSON.stringify(log.lines).includes(token.slice(21, 50)));
  });
});
