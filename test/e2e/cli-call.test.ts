import assert from 'node:assert/strict';
import { writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { create, toBinary } from '@bufbuild/protobuf';
import { FileDescriptorSetSchema } from '@bufbuild/protobuf/wkt';
import { afterEach, describe, it } from 'mocha';
import { newTaskId } from '../../shared/ids.ts';
import { Echo } from '../echo/gen/echo_pb.ts';
import { startCallee } from '../scene/callers.ts';
import { runHere } from '../scene/command.ts';
import { createEcho, type EchoLog } from '../scene/echo.ts';
import { closeScene } from '../scene/end.ts';
import { createFolder } from '../scene/folder.ts';
import {
  cleanUpProcesses,
  type Ended,
  runContact,
  type ServerProcess,
  startContact,
  startServer,
} from '../scene/process.ts';
import { openServe } from '../scene/rawcallee.ts';
import { until } from '../scene/until.ts';

const ECHO = create(FileDescriptorSetSchema, { file: [Echo.file.proto] });

const encode = (text: string): string => Buffer.from(text).toString('base64');
const body = (text: string): string => JSON.stringify({ body: encode(text) });

function parseLines({ stdout }: Ended): Record<string, unknown>[] {
  return stdout
    .trim()
    .split('\n')
    .filter(Boolean)
    .map((line) => JSON.parse(line));
}

describe('contact call', function () {
  this.timeout(120_000);
  let server: ServerProcess;

  before(async () => {
    server = await startServer();
  });
  cleanUpProcesses();
  afterEach(closeScene);

  const args = (...more: string[]): string[] => ['call', ...more, '--server', server.address];
  const call = (...more: string[]): Promise<Ended> => runContact(args(...more));

  it('calls methods of all four kinds, a line for each answer', async () => {
    await startCallee(server.address);
    const [unary, down, up, chat] = await Promise.all([
      call('echo.Echo/Unary', body('one')),
      call('echo.Echo.Down', JSON.stringify({ body: encode('x'), count: 3 })),
      call('/echo.Echo/Up', `${body('one')}${body('three')}`),
      call('echo.Echo/Chat', '-d', `${body('one')}\n${body('two')}`),
    ]);
    assert.deepEqual(unary, { code: 0, signal: null, stdout: `${body('one')}\n`, stderr: '' });
    assert.deepEqual(parseLines(down), [{ body: 'eA==' }, { body: 'eA==', count: 1 }, { body: 'eA==', count: 2 }]);
    assert.deepEqual(up.stdout, '{"messages":2,"bytes":"8"}\n');
    assert.deepEqual(chat.stdout, `${body('one')}\n${body('two')}\n`);
  });

  it('sends requests of stdin as they come, and ends with it', async () => {
    await startCallee(server.address);
    const chat = startContact(args('echo.Echo/Chat', '-'), { stdin: 'open' });
    chat.child.stdin!.write(`{"body":\n"${encode('one')}"`);
    chat.child.stdin!.write('}');
    await chat.waitFor(/b25l/, 'stdout');
    chat.child.stdin!.end(body('two'));
    const ended = await chat.ended;
    assert.deepEqual([ended.code, ended.stdout], [0, `${body('one')}\n${body('two')}\n`]);
    const unary = await runContact(args('echo.Echo/Unary'), { stdin: `\n${body('three')}\n` });
    assert.equal(unary.stdout, `${body('three')}\n`);
    const empty = await runContact(args('echo.Echo/Unary', '--emit-defaults'), { stdin: '' });
    assert.equal(empty.stdout, '{"body":"","count":0}\n');
  });

  it('reads no more of stdin than its callee takes', async () => {
    const log: EchoLog = { aborted: [], readCount: 0 };
    await startCallee(server.address, createEcho(log));
    const chat = startContact(args('echo.Echo/Chat', '-'), { stdin: 'open' });
    const stdin = chat.child.stdin!;
    stdin.write(body('!sleep'));
    await until('it sleeps', () => log.readCount === 1);
    const line = `${JSON.stringify({ body: 'x'.repeat(100_000) })}\n`;
    let written = 0;
    for (; written < 300 && stdin.writableLength < 1_000_000; written++) {
      stdin.write(line);
      await new Promise((resolve) => setImmediate(resolve));
      if (stdin.writableNeedDrain) await Promise.race([onceDrained(stdin), wait(300)]);
    }
    assert.ok(written < 300, 'stdin takes no more');
    assert.equal(log.readCount, 1);
    assert.equal((await chat.stop('SIGINT')).code, 130);
    await until('it is told', () => log.aborted.length === 1);
  });

  it('shows headers, trailers and the status, in JSON and for people', async () => {
    await startCallee(server.address);
    const headers = ['-H', 'X-Initial: a', '-H', 'x-initial: b', '--metadata', `x-trailing-bin: ${encode('\0ÿ')}`];
    const json = parseLines(await call('echo.Echo/Unary', body('!metadata'), '--json', ...headers));
    assert.deepEqual(json[0], { headers: { 'x-initial': ['a, b'] } });
    const trailers = { 'x-trailing-bin': [encode('\0ÿ')] };
    assert.deepEqual(json[2], { status: { code: 'OK', message: '', details: [], trailers } });
    const seen = JSON.parse(Buffer.from((json[1]!.message as { body: string }).body, 'base64').toString());
    assert.deepEqual(seen['x-initial'], ['a', 'b']);
    const people = await call('echo.Echo/Unary', body('!metadata'), '-v', ...headers);
    assert.equal(people.stderr, `header x-initial: a, b\ntrailer x-trailing-bin: ${encode('\0ÿ')}\nstatus OK\n`);
  });

  it('tells of a status by its code, its message and its details', async () => {
    await startCallee(server.address);
    const ended = await call('echo.Echo/Unary', body('!status'), '--json');
    assert.equal(ended.code, 1);
    const error = { code: 'FAILED_PRECONDITION', message: 'nö: 100% off\t☺' };
    assert.deepEqual(JSON.parse(ended.stderr), { error });
    const people = await call('echo.Echo/Unary', body('!status'));
    assert.match(people.stderr, /^contact: FAILED_PRECONDITION: nö: 100% off\\t☺\n {2}detail: "CAn\/"\n$/);
    const { status } = parseLines(ended).at(-1) as { status: Record<string, unknown> };
    assert.deepEqual([status.code, status.message], ['FAILED_PRECONDITION', 'nö: 100% off\t☺']);
  });

  it('says what can be done where nobody answers', async () => {
    await startCallee(server.address);
    const absent = await call('echo.Echo/Unary', '{}', '--client', 'robot-7');
    assert.equal(absent.code, 1);
    assert.match(absent.stderr, /^contact: UNAVAILABLE: robot-7 does not serve echo\.Echo\/Unary now\n/);
    assert.match(absent.stderr, /calling again is safe\n {2}--wait 10s waits for a client, --durable keeps/);
    const late = await call('echo.Echo/Unary', body('!sleep'), '--timeout', '200ms');
    assert.equal(late.code, 1);
    assert.match(
      late.stderr,
      /^contact: DEADLINE_EXCEEDED: (the deadline has passed|Deadline exceeded after [\d.]+s)$/m,
    );
  });

  it('says that a client which was lost may have begun', async () => {
    const fileDescriptorSet = toBinary(FileDescriptorSetSchema, ECHO);
    const callee = await openServe(server.address, 'raw', { methods: ['echo.Echo/Unary'], fileDescriptorSet });
    const calling = call('echo.Echo/Unary', body('x'));
    await until('it is called', () => callee.opened.length === 1);
    callee.cut();
    const ended = await calling;
    assert.equal(ended.code, 1);
    assert.match(
      ended.stderr,
      /^contact: UNAVAILABLE: raw has gone\n {2}a client may have begun it: .* do it twice\n$/,
    );
  });

  it('waits for a client that comes, and for its description', async () => {
    const waiting = call('echo.Echo/Unary', body('late'), '--wait', '30s');
    await startCallee(server.address, createEcho(), { labels: { site: 'berlin' } });
    const ended = await waiting;
    assert.deepEqual([ended.code, ended.stdout], [0, `${body('late')}\n`], ended.stderr);
    const selected = await call('echo.Echo/Unary', body('here'), '-l', 'site=berlin');
    assert.equal(selected.stdout, `${body('here')}\n`);
    assert.match(
      (await call('echo.Echo/Unary', '{}', '-l', 'site=paris')).stderr,
      /no client that site=paris selects serves/,
    );
  });

  it('keeps a durable call for a client that is away, described by a file', async () => {
    const file = join(createFolder(), 'echo.binpb');
    writeFileSync(file, toBinary(FileDescriptorSetSchema, ECHO));
    const durable = ['--durable', '--key', 'order-17', '--descriptors', file, '--client', 'robot-7'];
    const detached = await call('echo.Echo/Unary', body('kept'), ...durable, '--detach');
    assert.match(detached.stdout, /^[0-9a-f-]{36}\n$/);
    const again = await call('echo.Echo/Unary', body('kept'), ...durable, '--detach', '--json');
    assert.equal(parseLines(again).find((line) => 'id' in line)?.id, detached.stdout.trim());
    const waiting = startContact(args('echo.Echo/Unary', body('kept'), ...durable, '-v'), { stdin: '' });
    await waiting.waitFor(/header contact-task: /, 'stderr');
    await startCallee(server.address, createEcho(), { clientId: 'robot-7' });
    assert.deepEqual([(await waiting.ended).code, waiting.stdout], [0, `${body('kept')}\n`]);
    const later = await call('echo.Echo/Unary', '--task', detached.stdout.trim());
    assert.deepEqual([later.code, later.stdout], [0, `${body('kept')}\n`], later.stderr);
    const none = await call('echo.Echo/Unary', '--task', newTaskId());
    assert.deepEqual([none.code, /^contact: NOT_FOUND: /.test(none.stderr)], [1, true], none.stderr);
  });

  it('says that a client is away which alone described its service, and that nobody describes one', async () => {
    const raw = await openServe(server.address, 'robot-9', { methods: ['odd.Service/Do'] });
    const undescribed = await call('odd.Service/Do', '{}');
    assert.equal(undescribed.code, 2);
    assert.match(
      undescribed.stderr,
      /^contact: odd\.Service is served by robot-9, and described by nobody: .*--descriptors/,
    );
    raw.cut();
    const away = /^contact: robot-9 is away, and nobody else describes odd\.Service: .*--descriptors FILE/;
    await until('it is away', async () => {
      const { code, stderr } = await call('odd.Service/Do', '{}', '--client', 'robot-9', '--durable');
      return code === 1 && away.test(stderr);
    });
  });

  it('leaves a durable call to itself when it is interrupted', async () => {
    const log: EchoLog = { aborted: [], readCount: 0 };
    await startCallee(server.address, createEcho(log));
    const durable = ['--durable', '-v'];
    const waiting = startContact(args('echo.Echo/Unary', body('!sleep'), ...durable), { stdin: '' });
    const [, id] = await waiting.waitFor(/header contact-task: (\S+)\n/, 'stderr');
    const ended = await waiting.stop('SIGINT');
    assert.equal(ended.code, 130);
    assert.match(ended.stderr, new RegExp(`contact: task ${id} goes on: the waiting was ended by SIGINT`));
    assert.deepEqual(log.aborted, []);
    const late = await call('echo.Echo/Unary', body('!sleep'), '--durable', '--deadline', '500ms');
    assert.match(late.stderr, /^contact: DEADLINE_EXCEEDED: .*\n {2}task \S+ goes on: contact tasks show /);
    assert.match(late.stderr, /^ {2}its answer is waited for by: contact call echo\.Echo\/Unary --task \S+$/m);
    const queue = ['--queue', 'echo.Echo/Unary', '--yes', '--server', server.address];
    assert.equal((await runHere(['tasks', 'cancel', ...queue])).code, 0);
  });

  it('tells of a durable call that failed with its details, and that its task has', async () => {
    await startCallee(server.address, createEcho(), { clientId: 'failing' });
    const ended = await call('echo.Echo/Unary', body('!status'), '--durable', '--client', 'failing');
    assert.equal(ended.code, 1);
    assert.match(
      ended.stderr,
      /^contact: FAILED_PRECONDITION: nö.*\n {2}detail: "CAn\/"\n {2}task \S+ is failed: contact tasks show /,
    );
  });

  it('names what is wrong with a request, and sends nothing', async () => {
    const log: EchoLog = { aborted: [], readCount: 0 };
    await startCallee(server.address, createEcho(log));
    const cases: readonly (readonly [args: string[], said: RegExp])[] = [
      [
        ['echo.Echo/Unary', '{"bodi":""}'],
        /^contact: request bodi: echo\.Message has no such field; did you mean body\?/,
      ],
      [['echo.Echo/Unary', '{"count":-1}'], /^contact: request count: /],
      [['echo.Echo/Unary', '{'], /^contact: request: no JSON: /],
      [['echo.Echo/Unary', '{}{}'], /^contact: more than one request/],
      [['echo.Echo/Unarry', '{}'], /^contact: echo\.Echo has no method Unarry; did you mean Unary\?/],
      [['echo.Ecko/Unary', '{}'], /^contact: nobody describes echo\.Ecko; did you mean echo\.Echo\?/],
      [['echo.Echo', '{}'], /^contact: (nobody describes echo|no service)/],
      [
        ['grpc.health.v1.Health/Check', '{}', '--client', 'robot-7'],
        /^contact: --client is of what clients serve, and grpc\.health\.v1\.Health is the server's own/,
      ],
      [['contact.v1.AdminService/PauseQueue', '{}', '--durable'], /^contact: --durable is of what clients serve/],
      [['Echo', '{}'], /^contact: expected METHOD as SERVICE\/METHOD/],
      [['echo.Echo/Chat', '{}', '--durable'], /^contact: durable calls are of unary methods/],
      [['echo.Echo/Unary', '--task', 'x'], /Expected the id of a task/],
      [['echo.Echo/Unary', '--task', newTaskId(), '--key', 'k'], /cannot be used with/],
      [['echo.Echo/Unary', '{}', '--task', newTaskId()], /^contact: --task has its request already/],
      [['echo.Echo/Unary', '{}', '--detach'], /^contact: --detach goes with --durable/],
      [['echo.Echo/Unary', '{}', '-d', '{}'], /^contact: give REQUEST or --data/],
      [['echo.Echo/Unary', '{}', '--wait', '2m'], /^contact: --wait: at most 1m/],
      [['echo.Echo/Unary', '{}', '-H', 'x'], /Expected 'key: value'/],
      [['echo.Echo/Unary', '{}', '--descriptors', '/dev/null'], /^contact: --descriptors \/dev\/null: /],
    ];
    for (const [given, said] of cases) {
      const { code, stdout, stderr } = await runHere(args(...given));
      assert.match(stderr, said);
      assert.deepEqual([code, stdout], [2, ''], stderr);
    }
    const broken = await runContact(args('echo.Echo/Chat'), { stdin: `${body('one')}\n\n{"bodi":1}` });
    assert.equal(broken.code, 2);
    assert.match(broken.stderr, /^contact: request 2 bodi: /);
  });

  it('calls the server’s own services', async () => {
    const ended = await call('contact.v1.AdminService/GetServerInfo');
    assert.match(ended.stdout, /^\{"version":"/);
    const refused = await call('contact.v1.TaskService/DescribeTask', '{"id":"x"}');
    assert.equal(refused.code, 1);
    assert.match(refused.stderr, /^contact: [A-Z_]+: /);
  });

  it('has exit code 3 where no server is', async () => {
    const nowhere = ['call', 'echo.Echo/Unary', '{}', '--server', '127.0.0.1:1', '--connect-timeout', '100ms'];
    assert.equal((await runContact(nowhere)).code, 3);
  });
});

function onceDrained(stream: NodeJS.WritableStream): Promise<void> {
  return new Promise((resolve) => stream.once('drain', () => resolve()));
}

function wait(ms: number): Promise<void> {
  return new Promise((resolve) => setTimeout(resolve, ms));
}
