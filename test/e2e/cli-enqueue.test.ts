import assert from 'node:assert/strict';
import { after, before, describe, it } from 'mocha';
import { type Admin, createAdmin, newTaskId } from '../../client/index.ts';
import { type Outcome, runHere } from '../scene/command.ts';
import {
  cleanUpProcesses,
  type ProcessOptions,
  runContact,
  type ServerProcess,
  startContact,
  startServer,
} from '../scene/process.ts';

const UUID = /^[0-9a-f-]{36}$/;

describe('contact enqueue', function () {
  this.timeout(120_000);
  let server: ServerProcess;
  let admin: Admin;

  /** In a process of its own where stdin matters. */
  function enqueue(args: readonly string[], options?: ProcessOptions): Promise<Outcome> {
    const words = ['enqueue', '--server', server.address, ...args];
    return options ? runContact(words, options) : runHere(words);
  }

  async function payloadOf(id: string): Promise<Buffer> {
    return Buffer.from((await admin.describeTask(id)).payload);
  }

  before(async () => {
    server = await startServer({ args: ['--max-payload', '1000'] });
    admin = createAdmin({ server: server.address });
  });

  after(async () => {
    await admin.close();
    assert.equal((await server.stop()).code, 0);
  });
  cleanUpProcesses();

  it('stores the payload as given and prints the id', async () => {
    const { code, stdout } = await enqueue(['q', ' grüße\t\n']);
    assert.equal(code, 0);
    assert.match(stdout, /^[0-9a-f-]{36}\n$/);
    const task = await admin.describeTask(stdout.trim());
    assert.equal(Buffer.from(task.payload).toString(), ' grüße\t\n');
    assert.equal(task.contentType, 'text/plain');
  });

  it('stores the whole of stdin for -', async () => {
    const stdin = Buffer.from([0, 10, 13, 255, 10]);
    const { stdout } = await enqueue(['q', '-', '--json'], { stdin });
    const { id, deduplicated } = JSON.parse(stdout);
    assert.equal(deduplicated, false);
    assert.deepEqual(await payloadOf(id), stdin);
  });

  it('passes every option on', async () => {
    const options = ['--priority', '-7', '--delay', '1h', '--expires', '2d', '--attempts', '3', '--timeout', '30s'];
    const rest = ['--key', 'mine', '--client', 'robot-1', '--content-type', 'application/json'];
    const { stdout } = await enqueue(['options', '{"a":1}', ...options, ...rest]);
    const task = await admin.describeTask(stdout.trim());
    assert.equal(task.priority, -7);
    assert.equal(task.maxAttempts, 3);
    assert.equal(task.timeoutMs, 30_000);
    assert.equal(task.idempotencyKey, 'mine');
    assert.equal(task.targetClientId, 'robot-1');
    assert.equal(task.contentType, 'application/json');
    assert.equal(Number(task.runAt?.seconds) - Number(task.createdAt?.seconds), 3_600);
    const again = JSON.parse((await enqueue(['options', '{"a":1}', ...options, ...rest, '--json'])).stdout);
    assert.deepEqual(again, { id: stdout.trim(), deduplicated: true });
  });

  it('stores metadata, backoff and an id of ones own', async () => {
    const id = newTaskId();
    const options = ['--metadata', 'order=7', '--metadata', 'note=a=b', '--backoff', '10s,1h', '--id', id];
    assert.equal((await enqueue(['mine', 'x', ...options])).stdout, `${id}\n`);
    assert.deepEqual((await admin.describeTask(id)).metadata, { order: '7', note: 'a=b' });
    const again = JSON.parse((await enqueue(['mine', 'x', ...options, '--json'])).stdout);
    assert.deepEqual(again, { id, deduplicated: true });
    // What is another task by its backoff alone is refused: it was sent.
    const other = await enqueue(['mine', 'x', ...options.slice(0, 4), '--backoff', '20s,1h', '--id', id]);
    assert.deepEqual([other.code, other.stdout], [1, '']);
    assert.match(other.stderr, /ALREADY_EXISTS|other content|another/);
    const wrong: readonly (readonly [RegExp, readonly string[]])[] = [
      [/Expected KEY=VALUE/, ['mine', 'x', '--metadata', 'order']],
      [/the id of a task/, ['mine', 'x', '--id', 'mine']],
      [/cap of at least 5s/, ['mine', 'x', '--backoff', '5s,1s']],
      [/--id would make one task of all --lines/, ['mine', '--lines', '--id', id]],
      [/^contact: --metadata: at most 16384 bytes/, ['mine', 'x', '--metadata', `a=${'x'.repeat(20_000)}`]],
    ];
    for (const [message, args] of wrong) {
      const { code, stderr } = await enqueue(args);
      assert.equal(code, 2, stderr);
      assert.match(stderr, message);
    }
  });

  it('makes a task of each line, ids in their order', async () => {
    const lines = ['one', '', ' two \r', 'drei ü', 'last'];
    const { code, stdout } = await enqueue(['lines', '--lines'], { stdin: lines.join('\n') });
    assert.equal(code, 0);
    const ids = stdout.trim().split('\n');
    assert.deepEqual(await Promise.all(ids.map(async (id) => String(await payloadOf(id)))), lines);
  });

  it('keeps the order of thousands of lines', async () => {
    const stdin = Array.from({ length: 5_000 }, (_, n) => `${n}\n`).join('');
    const { code, stdout } = await enqueue(['many', '--lines'], { stdin });
    assert.equal(code, 0);
    const ids = stdout.trim().split('\n');
    assert.equal(new Set(ids).size, 5_000);
    for (const n of [0, 1, 2_500, 4_999]) assert.equal(String(await payloadOf(ids[n] ?? '')), String(n));
  });

  it('prints the id of a line before the next line comes', async () => {
    const running = startContact(['enqueue', 'slow', '--lines', '--server', server.address], { stdin: 'open' });
    running.child.stdin?.write('first\n');
    const [id] = await running.waitFor(/^[0-9a-f-]{36}$/m, 'stdout');
    assert.equal(String(await payloadOf(id)), 'first');
    running.child.stdin?.end();
    assert.equal((await running.ended).code, 0);
  });

  it('reports a refused line with its number and goes on', async () => {
    const { code, stdout, stderr } = await enqueue(['q', '--lines'], { stdin: `a\n${'x'.repeat(1_001)}\nb\n` });
    assert.equal(code, 1);
    const ids = stdout.trim().split('\n');
    assert.equal(ids.length, 2);
    assert.match(stderr, /^line 2: PAYLOAD: 1001 bytes/m);
    assert.equal(String(await payloadOf(ids[1] ?? '')), 'b');
  });

  it('says on stderr that nobody serves the queue, once, with names like it', async () => {
    await admin.setQueueLimits('mails', { maxWaiting: 100, maxRunning: 0 }, { create: true });
    const { code, stdout, stderr } = await enqueue(['mial', '--lines'], { stdin: 'a\nb\n' });
    assert.equal(code, 0);
    assert.equal(stdout.match(/^[0-9a-f-]{36}$/gm)?.length, 2);
    assert.equal(stderr, 'no client serves queue mial, and none has done a task of it; did you mean mails?\n');
    const inJson = await enqueue(['mial', 'x', '--json']);
    assert.equal(JSON.parse(inJson.stderr).note.message, stderr.trimEnd());
    // That an operator has set it is enough.
    assert.deepEqual((await enqueue(['mails', 'x'])).stderr, '');
  });

  it('has nothing to do for an empty stdin', async () => {
    assert.deepEqual(await enqueue(['q', '--lines'], {}), { code: 0, signal: null, stdout: '', stderr: '' });
  });

  it('goes on storing when nobody reads the ids any more', async () => {
    const running = startContact(['enqueue', 'unread', '--lines', '--server', server.address], { stdin: 'open' });
    running.child.stdin?.write('first\n');
    await running.waitFor(UUID_LINE, 'stdout');
    running.child.stdout?.destroy();
    running.child.stdin?.end('second\nthird\n');
    const { code, stderr } = await running.ended;
    assert.equal(stderr, 'no client serves queue unread, and none has done a task of it\n');
    assert.equal(code, 0);
    assert.equal((await admin.listTasks({ queues: ['unread'] })).tasks.length, 3);
  });

  it('names the flag that the server refuses, and what is in its way', async () => {
    const stored = await enqueue(['flags', 'x', '--key', 'taken']);
    const other = await enqueue(['flags', 'y', '--key', 'taken']);
    assert.equal(other.code, 1);
    assert.equal(other.stderr, `contact: --key: task ${stored.stdout.trim()} has it, with another payload\n`);
    const large = await enqueue(['flags', '-'], {
      stdin: Buffer.alloc(1_001, 'x'),
    });
    assert.match(large.stderr, /^contact: PAYLOAD: 1001 bytes, at most 1000 are taken \(contact serve --max-payload/);
    assert.equal(large.code, 2);
  });

  it('says what is no name of a queue', async () => {
    const { code, stdout, stderr } = await enqueue(['not a queue', 'x']);
    assert.equal(code, 2);
    assert.equal(stdout, '');
    assert.match(stderr, /^error: .* got "not a queue" with " "/);
  });

  it('prints the result with --wait, and 1 and the error if the task failed', async () => {
    const script = 'read word; [ "$word" = bad ] && { echo "no good" >&2; exit 1; }; printf "got %s" "$word"';
    const worker = startContact(['work', 'wait', '--server', server.address, '--', 'sh', '-c', script]);
    await worker.waitFor(/connected to/);
    const [good, json, lines, bad] = await Promise.all([
      enqueue(['wait', 'good\n', '--wait']),
      enqueue(['wait', 'good\n', '--wait', '--json']),
      enqueue(['wait', '--lines', '--wait', '--attempts', '1'], { stdin: 'one\nbad\ntwo\n' }),
      enqueue(['wait', 'bad', '--wait', '--attempts', '1']),
    ]);
    assert.deepEqual([good.code, good.stdout], [0, 'got good']);
    const { id, ...rest } = JSON.parse(json.stdout);
    assert.match(id, UUID);
    const resultContentType = 'application/octet-stream';
    assert.deepEqual(rest, { state: 'succeeded', result: 'got good', resultContentType });
    assert.deepEqual([lines.code, lines.stdout], [1, 'got one\ngot two\n']);
    assert.match(lines.stderr, /^line 2: task [0-9a-f-]{36} failed: no good\n$/);
    assert.deepEqual([bad.code, bad.stdout], [1, '']);
    assert.match(bad.stderr, /^contact: task [0-9a-f-]{36} failed: no good\n$/);
    assert.equal((await worker.stop()).code, 0);
  });

  it('answers 3 when the server goes away and does not come back', async () => {
    const other = await startServer();
    const running = startContact(['enqueue', 'q', '--lines', '--server', other.address, '--connect-timeout', '3s'], {
      stdin: 'open',
    });
    running.child.stdin?.write('first\n');
    await running.waitFor(UUID_LINE, 'stdout');
    await other.kill();
    running.child.stdin?.end('second\n');
    const { code, stderr } = await running.ended;
    assert.match(stderr, /could not reach/);
    assert.equal(code, 3);
  });
});

const UUID_LINE = /^[0-9a-f-]{36}$/m;
