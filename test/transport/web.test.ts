import assert from 'node:assert/strict';
import { once } from 'node:events';
import http from 'node:http';
import { text } from 'node:stream/consumers';
import { createWorker } from '../../client/index.ts';
import { newTaskId } from '../../shared/ids.ts';
import { closeScene } from '../scene/end.ts';
import { dial } from '../scene/http2.ts';
import { connectTo, type Scene, type SceneOptions, startScene } from '../scene/server.ts';
import { until } from '../scene/until.ts';
import { askWeb, readEvents, sendRaw, workOn } from '../scene/web.ts';

/** A server of which some requests take longer than its intervals in other tests. */
const start = (options: SceneOptions = {}): Promise<Scene> => startScene({ pingIntervalMs: 2_000, ...options });

describe('JSON over HTTP', () => {
  afterEach(closeScene);

  it('enqueues a task, waits for one, lists, tells and counts them, at the address of gRPC', async () => {
    const scene = await start();
    await workOn(scene, 'mail/out', (payload) => ({ sent: payload }));
    const stored = await askWeb(scene, '/v1/queues/mail%2Fout/tasks', {
      body: { payload: { to: 'ada' }, priority: 3 },
    });
    assert.equal(stored.status, 201);
    assert.equal(stored.headers['content-type'], 'application/json; charset=utf-8');
    const { id } = stored.json;
    const again = await askWeb(scene, '/v1/queues/mail%2Fout/tasks', {
      body: { id, payload: { to: 'ada' }, priority: 3 },
    });
    assert.deepEqual([again.status, again.json], [200, { id, deduplicated: true }]);
    const called = await askWeb(scene, '/v1/queues/mail%2Fout/call', { body: { payload: '12345678901234567890' } });
    assert.equal(called.status, 200);
    assert.deepEqual([called.json.state, called.json.result], ['succeeded', { sent: '12345678901234567890' }]);
    await until('both are settled', async () => {
      const { json } = await askWeb(scene, '/v1/tasks/count?queue=mail/out');
      return json.succeeded === 2 && json.total === 2;
    });
    const { json: task } = await askWeb(scene, `/v1/tasks/${id}`);
    assert.deepEqual(
      [task.state, task.payload, task.result, task.priority],
      ['succeeded', { to: 'ada' }, { sent: { to: 'ada' } }, 3],
    );
    assert.equal(task.attempts.length, 1);
    const { json: first } = await askWeb(scene, '/v1/tasks?limit=1');
    const { json: second } = await askWeb(scene, `/v1/tasks?limit=1&page=${first.next}&withPayload=true`);
    assert.deepEqual([first.tasks[0].id, first.tasks[0].payload], [called.json.id, undefined]);
    assert.deepEqual([second.tasks[0].id, second.tasks[0].payload], [id, { to: 'ada' }]);
    const { json: queues } = await askWeb(scene, '/v1/queues');
    assert.deepEqual(
      queues.queues.map(({ queue, succeeded }: never) => [queue, succeeded]),
      [['mail/out', 2]],
    );
    const { json: clients } = await askWeb(scene, '/v1/clients');
    assert.equal(clients.clients.length, 1);
    assert.equal((await askWeb(scene, '/v1/whoami')).json.kind, 'anonymous');
    assert.equal((await askWeb(scene, '/v1/server')).json.revision, 1);
    assert.equal((await askWeb(scene, '/v1/history?totalOnly=true')).json.total.stepMs, 10_000);
    assert.equal((await askWeb(scene, '/v1/history?stepMs=1500')).json.error.field, 'stepMs');
    assert.equal((await askWeb(scene, '/openapi.json')).json.openapi, '3.1.0');
  });

  it('keeps the digits of numbers, bytes and texts as they were given', async () => {
    const scene = await start();
    await workOn(scene, 'echo', (payload) => payload);
    const digits = await askWeb(scene, '/v1/queues/q/tasks', { body: '{"payload":{"n":12345678901234567890.10}}' });
    const told = await askWeb(scene, `/v1/tasks/${digits.json.id}`);
    assert.ok(told.text.includes('"payload":{"n":12345678901234567890.10}'), told.text);
    for (const payload of [{ base64: 'AP8=' }, { a: { base64: 'AP8=' } }, 'ö\n', 3, null, [1, 'x']]) {
      const { json } = await askWeb(scene, '/v1/queues/q/tasks', { body: { payload } });
      assert.deepEqual((await askWeb(scene, `/v1/tasks/${json.id}`)).json.payload, payload);
    }
  });

  it('cancels, runs again and forgets tasks, by ids and by conditions', async () => {
    const scene = await start();
    const tasks = Array.from({ length: 5 }, () => ({ queue: 'q', maxAttempts: 1 }));
    const { json: stored } = await askWeb(scene, '/v1/tasks', { body: { tasks } });
    const ids: string[] = stored.tasks.map(({ id }: { id: string }) => id);
    const absent = newTaskId();
    const { json: some } = await askWeb(scene, '/v1/tasks/cancel', { body: { ids: [ids[0], absent], reason: 'late' } });
    assert.deepEqual(some, {
      tasks: [
        { id: ids[0], state: 'cancelled' },
        { id: absent, refused: 'NOT_FOUND' },
      ],
      total: 2,
    });
    const { json: part } = await askWeb(scene, '/v1/tasks/cancel', { body: { queue: ['q'], max: 2 } });
    assert.equal(part.total, 2);
    const { json: rest } = await askWeb(scene, '/v1/tasks/cancel', { body: { queue: ['q'], max: 9, page: part.next } });
    assert.deepEqual([rest.total, rest.next], [2, undefined]);
    const { json: retried } = await askWeb(scene, '/v1/tasks/retry', { body: { ids: [ids[0]] } });
    assert.deepEqual(retried, { tasks: [{ id: ids[0], refused: 'FAILED_PRECONDITION' }], total: 0 });
    const { json: deleted } = await askWeb(scene, '/v1/tasks/delete', { body: { state: ['cancelled'] } });
    assert.equal(deleted.total, 5);
    assert.equal((await askWeb(scene, '/v1/tasks/count')).json.total, 0);
    const { json: acts } = await askWeb(scene, '/v1/acts?kind=tasks_deleted');
    assert.deepEqual(
      acts.acts.map(({ kind, count }: never) => [kind, count]),
      [['tasks_deleted', 5]],
    );
  });

  it('pauses, limits, retains, purges and deletes a queue', async () => {
    const scene = await start();
    await askWeb(scene, '/v1/queues/q/tasks', { body: {} });
    const act = async (path: string, body?: object, verb = 'POST') =>
      (await askWeb(scene, `/v1/queues/q${path}`, { verb, ...(body && { body }) })).json;
    assert.deepEqual(await act('/pause'), { queue: 'q', paused: true });
    assert.deepEqual(await act('/resume'), { queue: 'q', paused: false });
    assert.deepEqual(await act('/limits', { maxRunning: 2 }, 'PUT'), { queue: 'q', limits: { maxRunning: 2 } });
    const retention = { queue: 'q', retention: { maxAgeMs: 60_000 }, ownRetention: true };
    assert.deepEqual(await act('/retention', { maxAgeMs: 60_000 }, 'PUT'), retention);
    const { json } = await askWeb(scene, '/v1/queues');
    assert.deepEqual([json.queues[0].limits, json.queues[0].retention], [{ maxRunning: 2 }, { maxAgeMs: 60_000 }]);
    assert.equal((await act('?dryRun=true', undefined, 'DELETE')).waitingCount, 1);
    assert.equal((await act('', undefined, 'DELETE')).error.code, 'FAILED_PRECONDITION');
    assert.deepEqual(await act('/purge'), { queue: 'q', cancelled: 1 });
    assert.equal((await act('', undefined, 'DELETE')).deleted, true);
    assert.equal((await act('/pause')).error.code, 'NOT_FOUND');
  });

  it('tells a client, drains it, has it go and forgets it', async () => {
    const scene = await start();
    const worker = createWorker({ ...connectTo(scene.address), clientId: 'robot/1', queues: ['q'], handler: () => 1 });
    await worker.connected();
    const act = async (path: string, verb = 'POST') =>
      (await askWeb(scene, `/v1/clients/robot%2F1${path}`, { verb })).json;
    assert.equal((await act('', 'GET')).sessions.length, 1);
    assert.deepEqual(await act('/drain'), { client: 'robot/1', draining: true });
    assert.deepEqual(await act('/resume'), { client: 'robot/1', draining: false });
    assert.deepEqual(await act('/disconnect'), { client: 'robot/1', disconnected: 1 });
    await worker.stop();
    await until('it is away', async () => (await act('', 'GET')).connected === false);
    assert.deepEqual(await act('', 'DELETE'), { client: 'robot/1', forgotten: true });
  });

  it('answers a call after so long at the latest, and cancels its task where that is wished', async () => {
    const scene = await start();
    const late = await askWeb(scene, '/v1/queues/q/call?waitMs=50', { body: {} });
    assert.deepEqual([late.status, late.json.error.code], [504, 'DEADLINE_EXCEEDED']);
    assert.equal((await askWeb(scene, '/v1/tasks/count?queue=q')).json.ready, 1);
    await askWeb(scene, '/v1/queues/r/call?waitMs=50&cancelWhenAbandoned=true', { body: {} });
    await until('it is cancelled', async () => (await askWeb(scene, '/v1/tasks/count?queue=r')).json.cancelled === 1);
  });

  const refusals: readonly (readonly [string, string, unknown, number, string, string | undefined])[] = [
    ['what is no JSON', '/v1/queues/q/tasks', '{"payload":', 400, 'INVALID_ARGUMENT', 'request'],
    ['what comes of half a character', '/v1/queues/q/tasks', '{"payload":"\\ud800"}', 201, '', undefined],
    ['an unknown field', '/v1/queues/q/tasks', { paylod: 1 }, 400, 'INVALID_ARGUMENT', 'paylod'],
    ['a bad queue', '/v1/queues/a%20b/tasks', {}, 400, 'INVALID_ARGUMENT', 'queue'],
    [
      'a task of several',
      '/v1/tasks',
      { tasks: [{ queue: 'q' }, { queue: '?' }] },
      400,
      'INVALID_ARGUMENT',
      'tasks[1].queue',
    ],
    [
      'two times',
      '/v1/queues/q/tasks',
      { delayMs: 1, runAt: '2027-01-31T08:00:00Z' },
      400,
      'INVALID_ARGUMENT',
      'runAt',
    ],
    ['no id of a task', '/v1/tasks/x', undefined, 400, 'INVALID_ARGUMENT', 'id'],
    ['a task that there is not', `/v1/tasks/${newTaskId()}`, undefined, 404, 'NOT_FOUND', 'id'],
    ['a limit', '/v1/tasks?limit=501', undefined, 400, 'INVALID_ARGUMENT', 'limit'],
    ['a cursor of another store', '/v1/results?from=x.1', undefined, 400, 'OUT_OF_RANGE', 'cursor'],
    ['a path', '/v1/nothing', undefined, 404, 'NOT_FOUND', 'path'],
    [
      'a body that is too large',
      '/v1/tasks/cancel',
      { reason: 'x'.repeat(70_000) },
      413,
      'RESOURCE_EXHAUSTED',
      'request',
    ],
    ['nothing to do', '/v1/tasks/cancel', {}, 400, 'INVALID_ARGUMENT', 'ids'],
  ];
  for (const [what, path, body, status, code, field] of refusals) {
    it(`says what is wrong: ${what}`, async () => {
      const scene = await start();
      const { status: got, json, text: said } = await askWeb(scene, path, body === undefined ? {} : { body });
      assert.equal(got, status, said);
      if (code !== '') assert.deepEqual([json.error.code, json.error.field], [code, field], said);
    });
  }

  it('says which verbs a path has, and takes HEAD where it has GET', async () => {
    const scene = await start();
    const wrong = await askWeb(scene, '/v1/queues', { verb: 'PATCH' });
    assert.deepEqual([wrong.status, wrong.headers.allow], [405, 'GET']);
    const head = await askWeb(scene, '/v1/queues', { verb: 'HEAD' });
    assert.deepEqual([head.status, head.text, Number(head.headers['content-length']) > 0], [200, '', true]);
    const plain = await askWeb(scene, '/v1/queues/q/tasks', { body: '{}', headers: { 'content-type': 'text/plain' } });
    assert.deepEqual([plain.status, plain.json.error.field], [400, 'content-type']);
  });

  it('says when to come again where the server refuses for now', async () => {
    const scene = await start({ maxWaitingTasks: 1 });
    await askWeb(scene, '/v1/queues/q/tasks', { body: {} });
    const full = await askWeb(scene, '/v1/queues/q/tasks', { body: {} });
    assert.deepEqual(
      [full.status, full.json.error.code, full.json.error.advice],
      [429, 'RESOURCE_EXHAUSTED', 'backoff'],
    );
    assert.ok(Number(full.headers['retry-after']) >= 1, JSON.stringify(full.headers));
  });

  it('is spoken over one connection again and again, and over HTTP/2 too', async () => {
    const scene = await start();
    const agent = new http.Agent({ keepAlive: true, maxSockets: 1 });
    for (let n = 0; n < 20; n++) assert.equal((await askWeb(scene, '/v1/queues', { agent })).status, 200);
    assert.equal(scene.connectionCount, 1);
    agent.destroy();
    const session = dial(scene);
    const stream = session.request({
      ':path': '/v1/queues/q/tasks',
      ':method': 'POST',
      'content-type': 'application/json',
    });
    stream.end('{"payload":7}');
    const [head] = await once(stream, 'response');
    assert.equal(head[':status'], 201);
    assert.equal(JSON.parse(await text(stream)).deduplicated, false);
    const large = session.request({ ':path': '/v1/queues', 'x-large': 'x'.repeat(20_000) });
    assert.equal((await once(large, 'response'))[0][':status'], 431);
    session.destroy();
  });

  it('gives up a connection rather than read what is refused', async () => {
    const scene = await start({ http: true });
    const agent = new http.Agent({ keepAlive: true, maxSockets: 1 });
    const small = await askWeb(scene, '/v1/nothing', { agent, body: { a: 'x'.repeat(10_000) } });
    assert.deepEqual([small.status, small.headers.connection], [404, 'keep-alive']);
    const head = 'POST /v1/nothing HTTP/1.1\r\nhost: localhost\r\ncontent-type: application/json\r\n';
    const large = await sendRaw(scene, `${head}content-length: 100000000\r\n\r\n{`);
    assert.match(large, /^HTTP\/1\.1 404 [\s\S]*connection: close/i);
    const unknown = await sendRaw(scene, `${head}transfer-encoding: chunked\r\n\r\n1\r\n{\r\n`);
    assert.match(unknown, /^HTTP\/1\.1 404 [\s\S]*connection: close/i);
    agent.destroy();
  });

  it('answers no more requests at a time than it may', async () => {
    const scene = await start({ maxOpenCalls: 2 });
    const readers = [await readEvents(scene, '/v1/results'), await readEvents(scene, '/v1/results')];
    const third = await askWeb(scene, '/v1/queues');
    assert.deepEqual(
      [third.status, third.headers['retry-after'], third.json.error.code],
      [503, '10', 'RESOURCE_EXHAUSTED'],
    );
    readers[0]!.close();
    await until('there is room', async () => (await askWeb(scene, '/v1/queues')).status === 200);
  });

  it('asks for a body that waits to be asked for, once its caller is let in', async () => {
    const scene = await start();
    const head =
      'POST /v1/queues/q/tasks HTTP/1.1\r\ncontent-type: application/json\r\ncontent-length: 2\r\nexpect: 100-continue\r\n';
    assert.match(await sendRaw(scene, `${head}host: localhost\r\n\r\n`), /^HTTP\/1\.1 100 Continue\r\n\r\n$/);
    assert.match(await sendRaw(scene, `${head}host: evil.example\r\n\r\n`), /^HTTP\/1\.1 403 /);
  });

  it('has nothing of HTTP/1 where it is off', async () => {
    const scene = await start({ http: false });
    assert.doesNotMatch(await sendRaw(scene, 'GET /v1/queues HTTP/1.1\r\nhost: localhost\r\n\r\n'), /HTTP\/1\.1 200/);
  });
});
