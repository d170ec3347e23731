import assert from 'node:assert/strict';
import { request } from 'node:http';
import { connect as connectSocket } from 'node:net';
import { createAdmin } from '../../client/index.ts';
import { ResultStart, Retry, TaskService } from '../../gen/index.ts';
import { createCaller, startCallee } from '../scene/callers.ts';
import { ask, connect, enqueue, enqueueMany, refusalOf } from '../scene/clients.ts';
import { closeScene, use } from '../scene/end.ts';
import { isFull } from '../scene/full.ts';
import { lockStore } from '../scene/lock.ts';
import { fetchPage, scrape } from '../scene/metrics.ts';
import { openObserver } from '../scene/observer.ts';
import { connectTo, startScene } from '../scene/server.ts';
import { until } from '../scene/until.ts';
import { nameOf, openWorker } from '../scene/worker.ts';

const ON = { metrics: '127.0.0.1:0' };

describe('/metrics', () => {
  afterEach(closeScene);

  it('shows the load that there was, exactly, to a parser that is not ours', async () => {
    const scene = await startScene({ ...ON, isDurable: true });
    const clients = connect(scene);
    await enqueueMany(clients, 7, { queue: 'a' });
    const [id] = await enqueue(clients, { queue: 'b', start: { case: 'delayMs', value: 3_600_000 } });
    await enqueue(clients, { queue: 'b', start: { case: 'delayMs', value: 3_600_000 }, id: id! });
    assert.match(await refusalOf(enqueue(clients, { queue: 'c' }, { queue: 'no*' })), /^INVALID_ARGUMENT/);
    const worker = await openWorker(clients, { queues: ['a'], maxInFlight: 5 });
    const [one, two, three, four] = await worker.receive(5);
    await worker.succeed(one!, two!);
    await worker.report({
      failed: [{ ...nameOf(three!), retry: Retry.NEVER }],
    });
    await worker.report({ failed: [{ ...nameOf(four!), retry: Retry.AFTER, retryAfterMs: 3_600_000 }] });
    await worker.receive(7);
    await worker.succeed(one!);
    await ask(clients, TaskService.method.cancelTasks, { ids: [id!] });
    const behind = openObserver(clients, { start: ResultStart.BEGINNING, follow: true });
    await behind.receive(4);

    await until(
      'the observer has caught up',
      async () => (await scrape(scene)).value('contact_observer_lag_results') === 0,
    );
    const { value, histogram, labels, names, text } = await scrape(scene);
    const tasks = (queue: string): unknown[] =>
      ['ready', 'scheduled', 'running'].map((state) => value('contact_tasks', { queue, state }));
    assert.deepEqual(tasks('a'), [0, 1, 3]);
    assert.deepEqual(tasks('b'), [0, 0, 0]);
    assert.equal(value('contact_tasks_enqueued_total', { queue: 'a' }), 7);
    assert.equal(value('contact_tasks_enqueued_total', { queue: 'b' }), 1);
    assert.equal(value('contact_tasks_deduplicated_total'), 1);
    assert.equal(value('contact_tasks_refused_total', { code: 'INVALID_ARGUMENT' }), 2);
    assert.equal(value('contact_tasks_claimed_total', { queue: 'a' }), 7);
    const settled = (queue: string): unknown[] =>
      ['succeeded', 'failed', 'cancelled', 'expired'].map((state) =>
        value('contact_tasks_settled_total', { queue, state }),
      );
    assert.deepEqual(settled('a'), [2, 1, 0, 0]);
    assert.deepEqual(settled('b'), [0, 0, 1, 0]);
    assert.equal(value('contact_tasks_retried_total'), 1);
    assert.deepEqual(
      ['stored', 'duplicate', 'stale', 'unknown'].map((outcome) => value('contact_reports_total', { outcome })),
      [4, 1, 0, 0],
    );
    const waited = histogram('contact_task_wait_seconds', { queue: 'a' });
    assert.equal(waited.count, 7);
    assert.equal(waited.buckets['+Inf'], 7);
    assert.ok(waited.sum >= 0 && waited.buckets['600'] === 7);
    assert.equal(histogram('contact_task_run_seconds', { queue: 'a' }).count, 3);
    assert.deepEqual(labels('contact_tasks_enqueued_total', 'queue'), ['_other', 'a', 'b']);
    assert.equal(value('contact_sessions'), 1);
    assert.equal(value('contact_clients'), 1);
    assert.equal(value('contact_credit_tasks'), 5);
    assert.equal(value('contact_held_tasks'), 3);
    assert.equal(value('contact_queue_workers', { queue: 'a' }), 1);
    assert.equal(value('contact_observers'), 1);
    assert.equal(value('contact_results_position'), 4);
    assert.equal(value('contact_connections'), scene.connectionCount);
    assert.equal(value('contact_limit_used', { limit: 'connections' }), scene.connectionCount);
    const waiting = value('contact_tasks', { queue: 'a', state: 'ready' });
    assert.ok(Number(value('contact_limit_used', { limit: 'waiting_tasks' })) >= Number(waiting));
    assert.equal(value('contact_limit_max', { limit: 'queues' }), 100_000);
    // GetTask, SendStatus and WatchResults.
    assert.equal(value('contact_open_calls', { kind: 'own' }), 3);
    assert.equal(value('contact_calls_total', { code: 'INVALID_ARGUMENT' }), 1);
    assert.ok(value('contact_store_bytes')! > 0 && value('contact_disk_free_bytes')! > 0);
    assert.ok(histogram('contact_store_sync_seconds').count > 0);
    assert.equal(value('contact_ready'), 1);
    for (const name of ['process_cpu_seconds_total', 'process_open_fds', 'contact_event_loop_delay_seconds'])
      assert.ok(names.includes(name), name);
    // Each family once, with its help and its type.
    assert.equal(new Set(names).size, names.length);
    assert.equal(text.match(/^# HELP /gm)?.length, names.length);
    await behind.cancel();
  });

  it('counts what is lost and redriven', async () => {
    const scene = await startScene(ON);
    const clients = connect(scene);
    const admin = use(createAdmin(connectTo(scene.address)));
    const [id] = await enqueue(clients, { queue: 'a', maxAttempts: 1 });
    const worker = await openWorker(clients, { queues: ['a'] });
    await worker.receive(1);
    await worker.report({ started: [nameOf(worker.tasks[0]!)] });
    await worker.cancel();
    await until('it is lost', async () => (await scrape(scene)).value('contact_tasks_lost_total') === 1);
    assert.equal((await admin.describeTask(id!)).error?.code, 'LOST');
    await admin.retryTasks({ ids: [id!] });
    const { value } = await scrape(scene);
    assert.equal(value('contact_tasks_redriven_total'), 1);
    assert.equal(value('contact_tasks', { queue: 'a', state: 'ready' }), 1);
    assert.equal(value('contact_tasks_settled_total', { queue: 'a', state: 'failed' }), 1);
  });

  it('counts calls to what clients serve, by mode and code', async () => {
    const scene = await startScene(ON);
    await startCallee(scene.address);
    const { unary } = createCaller(scene.address);
    const before = (await scrape(scene)).value('contact_reverse_calls_total', { mode: 'live', code: 'OK' })!;
    await unary('one');
    await unary('two');
    await unary('three', { metadata: { 'contact-mode': 'durable' } });
    await unary('four', { metadata: { 'contact-client': 'nobody' } });
    await unary('!do {"code":9}');
    const { value } = await scrape(scene);
    const count = (mode: string, code: string) => value('contact_reverse_calls_total', { mode, code });
    assert.deepEqual(
      [
        count('live', 'OK')! - before,
        count('live', 'UNAVAILABLE'),
        count('live', 'FAILED_PRECONDITION'),
        count('durable', 'OK'),
      ],
      [2, 1, 1, 1],
    );
    assert.equal(value('contact_open_calls', { kind: 'reverse' }), 0);
  });

  it('counts the others under one label, and is small however many queues there are', async function () {
    this.timeout(60_000);
    const scene = await startScene(ON);
    const clients = connect(scene);
    const count = isFull ? 10_000 : 2_000;
    for (let at = 0; at < count; at += 500) {
      await enqueue(clients, ...Array.from({ length: 500 }, (_, i) => ({ queue: `q${at + i}` })));
    }
    await enqueueMany(clients, 5, { queue: 'large' });
    await scrape(scene);
    const times: number[] = [];
    for (let i = 0; i < 5; i += 1) {
      await new Promise((resolve) => setTimeout(resolve, 110));
      const startedAt = performance.now();
      assert.equal((await fetchPage(scene, '/metrics')).status, 200);
      times.push(performance.now() - startedAt);
    }
    if (isFull) {
      console.log(`      a scrape with ${count} queues: ${times.map((ms) => ms.toFixed(0)).join(', ')} ms`);
      assert.ok(Math.min(...times) < 200, `${times.join(', ')} ms`);
    }
    const { value, labels, text } = await scrape(scene);
    assert.equal(value('contact_queues'), count + 1);
    assert.equal(labels('contact_tasks', 'queue').length, 101);
    assert.equal(value('contact_tasks', { queue: 'large', state: 'ready' }), 5);
    assert.equal(value('contact_tasks', { queue: '_other', state: 'ready' }), count - 99);
    assert.equal(value('contact_tasks_enqueued_total', { queue: '_other' }), count - 99);
    assert.ok(text.length < 400_000, `${text.length} bytes`);
  });

  it('has nothing secret in it', async () => {
    const scene = await startScene({ ...ON, isDurable: true });
    const clients = connect(scene);
    const [id] = await enqueue(clients, {
      queue: 'a',
      payload: Buffer.from('payload-secret'),
      metadata: { k: 'metadata-secret' },
    });
    const worker = await openWorker(clients, { queues: ['a'], clientId: 'client-secret' });
    await worker.receive(1);
    const { text } = await scrape(scene);
    for (const secret of ['secret', id!, scene.storeFile]) assert.equal(text.includes(secret), false, secret);
  });

  it('answers whether the server lives and is ready, until the end', async () => {
    const scene = await startScene({ ...ON, isDurable: true });
    const clients = connect(scene);
    assert.deepEqual(await fetchPage(scene, '/livez'), { status: 200, text: 'alive\n' });
    assert.deepEqual(await fetchPage(scene, '/readyz'), { status: 200, text: 'ready\n' });
    const unlock = lockStore(scene.storeFile);
    await until('it is not ready', async () => {
      await refusalOf(enqueue(clients, {}));
      return (await fetchPage(scene, '/readyz')).status === 503;
    });
    assert.equal((await fetchPage(scene, '/livez')).status, 200);
    unlock();
    await enqueue(clients, {});
    await until('it is ready', async () => (await fetchPage(scene, '/readyz')).status === 200);
    const worker = await openWorker(clients);
    await worker.receive(1);
    const closing = scene.server.close({ deadlineMs: 5_000 });
    assert.deepEqual(await fetchPage(scene, '/readyz'), { status: 503, text: 'not ready: the server is going\n' });
    await worker.succeed(...worker.tasks);
    await closing;
    await assert.rejects(fetchPage(scene, '/livez'));
  });

  it('takes GET and HEAD of its paths alone, without bodies, and not much of anything', async () => {
    const scene = await startScene(ON);
    const [host = '', port] = scene.metrics.split(':');
    const send = (method: string, path: string, headers: Record<string, string> = {}) =>
      new Promise<{ status: number | undefined; text: string; connection: string | undefined }>((resolve, reject) => {
        const sent = request({ host, port, method, path, headers, agent: false }, (response) => {
          let text = '';
          response.on('data', (part) => {
            text += part;
          });
          response.on('end', () =>
            resolve({ status: response.statusCode, text, connection: response.headers.connection }),
          );
        });
        sent.on('error', reject);
        sent.end(method === 'POST' ? 'body' : undefined);
      });
    assert.deepEqual([(await send('HEAD', '/livez')).status, (await send('HEAD', '/livez')).text], [200, '']);
    assert.equal((await send('GET', '/livez?x=1')).status, 200);
    const posted = await send('POST', '/metrics');
    assert.deepEqual([posted.status, posted.connection], [405, 'close']);
    const lost = await send('GET', '/');
    assert.deepEqual([lost.status, lost.text], [404, 'there is /metrics, /livez, /readyz\n']);
    await assert.rejects(send('GET', '/livez', { large: 'x'.repeat(9_000) }));

    const sockets = Array.from({ length: 30 }, () => connectSocket(Number(port), host));
    let closed = 0;
    for (const socket of sockets) {
      socket
        .on('error', () => undefined)
        .on('close', () => {
          closed += 1;
        });
    }
    await until('those beyond the number are closed', () => closed >= 10);
    for (const socket of sockets) socket.destroy();
    await until('there is room again', async () => {
      const page = await fetchPage(scene, '/livez').catch(() => undefined);
      return page?.status === 200;
    });
  });

  it('closes a connection that asks nothing', async function () {
    if (!isFull) return this.skip();
    this.timeout(30_000);
    const scene = await startScene(ON);
    const [host = '', port] = scene.metrics.split(':');
    for (const said of ['', 'GET /livez HTTP/1.1\r\n']) {
      const socket = connectSocket(Number(port), host);
      socket.on('error', () => undefined).resume();
      if (said !== '') socket.write(said);
      const startedAt = performance.now();
      await new Promise((resolve) => socket.once('close', resolve));
      assert.ok(performance.now() - startedAt < 12_000);
    }
  });

  it('tells who asks at once again the same', async () => {
    const scene = await startScene(ON);
    const clients = connect(scene);
    const before = fetchPage(scene, '/metrics');
    const others = Promise.all(Array.from({ length: 5 }, () => fetchPage(scene, '/metrics')));
    const { text } = await before;
    for (const other of await others) assert.equal(other.text, text);
    await enqueue(clients, {});
    assert.notEqual((await scrape(scene)).text, text);
  });

  it('is where others reach it only if that was said', async () => {
    for (const metrics of ['0.0.0.0:0', '[::]:0', '10.1.2.3:9464', 'example.org:9464'])
      await assert.rejects(startScene({ metrics }), /metrics: expected an address on loopback, got .*metricsPublic/);
    for (const metrics of ['9464', 'unix:/tmp/x', '127.0.0.1:99999'])
      await assert.rejects(startScene({ metrics }), /metrics: expected HOST:PORT/);
    assert.equal((await startScene()).metrics, '');
  });
});
