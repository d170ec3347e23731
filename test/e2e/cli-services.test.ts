import assert from 'node:assert/strict';
import { writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { create, toBinary } from '@bufbuild/protobuf';
import { FileDescriptorSetSchema } from '@bufbuild/protobuf/wkt';
import { afterEach, describe, it } from 'mocha';
import { AdminService } from '../../gen/index.ts';
import { Echo } from '../echo/gen/echo_pb.ts';
import { createCaller, startCallee } from '../scene/callers.ts';
import { ask, connect, enqueueMany } from '../scene/clients.ts';
import { runHere } from '../scene/command.ts';
import { closeScene } from '../scene/end.ts';
import { createFolder } from '../scene/folder.ts';
import { cleanUpProcesses } from '../scene/process.ts';
import { openServe } from '../scene/rawcallee.ts';
import { startScene } from '../scene/server.ts';
import { until } from '../scene/until.ts';
import { openWorker } from '../scene/worker.ts';

const lines = (text: string): string[] => text.trimEnd().split('\n');
const parse = (text: string): Record<string, unknown>[] => lines(text).map((line) => JSON.parse(line));

describe('contact services', function () {
  this.timeout(60_000);
  cleanUpProcesses();
  afterEach(closeScene);

  it('lists what clients serve before what the server does, with methods, clients and calls that run', async () => {
    const { address } = await startScene();
    await startCallee(address);
    await openServe(address, 'dumb', { methods: ['mute.Service/Say'] });
    const sleeping = createCaller(address).unary('!sleep', { metadata: { 'contact-client': 'callee' } });
    const list = (...more: string[]) => runHere(['services', 'list', ...more, '--server', address]);
    await until('it runs', async () => /^echo\.Echo +4 +1 +callee$/m.test((await list()).stdout));
    const { stdout } = await list();
    const [headings, first, second, third] = lines(stdout).map((line) => line.split(/ {2,}/));
    assert.deepEqual(headings, ['service', 'methods', 'calls', 'clients']);
    assert.deepEqual(
      [first, second],
      [
        ['echo.Echo', '4', '1', 'callee'],
        ['mute.Service', '0', 'dumb'],
      ],
    );
    assert.equal(third!.at(-1), '(the server)');
    const json = parse((await list('--json')).stdout);
    const methods = ['Unary', 'Down', 'Up', 'Chat'];
    assert.deepEqual(json[0], {
      service: 'echo.Echo',
      methods,
      clients: [{ client: 'callee', calls: 1, draining: false }],
    });
    assert.deepEqual(json[1], {
      service: 'mute.Service',
      clients: [{ client: 'dumb', calls: 0, draining: false }],
    });
    assert.equal(json.find(({ service }) => service === 'contact.v1.TaskService')?.clients, undefined);

    const one = await list('echo.Echo');
    assert.match(one.stdout, /^method +request +answer\nUnary +echo\.Message +echo\.Message\n/);
    assert.match(one.stdout, /^Chat +stream echo\.Message +stream echo\.Message\nserved by: callee \(1 call\)\n$/m);
    const [unary] = parse((await list('echo.Echo', '--json')).stdout);
    const type = 'echo.Message';
    const clients = [{ client: 'callee', calls: 1, draining: false }];
    assert.deepEqual(unary, { method: 'echo.Echo/Unary', kind: 'unary', request: type, answer: type, clients });
    assert.match((await list('mute.Service')).stderr, /is served by dumb, and described by nobody/);
    const unknown = await list('echo.Ecko');
    assert.deepEqual([unknown.code, /did you mean echo\.Echo\?/.test(unknown.stderr)], [2, true]);
    await closeScene();
    await sleeping;
  });

  it('marks who is drained', async () => {
    const { address } = await startScene();
    await startCallee(address);
    await ask(connect({ address }), AdminService.method.drainClient, { clientId: 'callee' });
    const list = (...more: string[]) => runHere(['services', 'list', ...more, '--server', address]);
    assert.match((await list()).stdout, /^echo\.Echo .* callee \(drained\)$/m);
    const [echo] = parse((await list('--json')).stdout);
    assert.deepEqual(echo?.clients, [{ client: 'callee', calls: 0, draining: true }]);
  });

  it('describes services, methods, messages and enums as a .proto file does, and fills in a request', async () => {
    const { address } = await startScene();
    const describe = (...more: string[]) => runHere(['services', 'describe', ...more, '--server', address]);
    assert.match(
      (await describe('grpc.reflection.v1.ServerReflection')).stdout,
      /^service grpc\.reflection\.v1\.ServerReflection \{\n {2}rpc ServerReflectionInfo\(stream grpc\..*Request\) returns \(stream /,
    );
    assert.equal(
      (await describe('contact.v1.TaskService/DescribeTask')).stdout,
      'rpc DescribeTask(contact.v1.DescribeTaskRequest) returns (contact.v1.DescribeTaskResponse);\n',
    );
    const task = (await describe('contact.v1.NewTask')).stdout;
    assert.match(task, /^message contact\.v1\.NewTask \{\n {2}string id = 1;\n/);
    assert.match(task, /\n {2}map<string, string> metadata = 5;\n/);
    assert.match(
      task,
      /\n {2}oneof start \{\n {4}uint32 delay_ms = 7;\n {4}google\.protobuf\.Timestamp run_at = 8;\n {2}\}\n/,
    );
    assert.match((await describe('contact.v1.TaskState')).stdout, /^enum contact\.v1\.TaskState \{\n.* = 0;\n/);
    const [method] = parse((await describe('contact.v1.TaskService.DescribeTask', '--json')).stdout);
    assert.equal(method?.kind, 'rpc');

    const template = await describe('contact.v1.TaskService.EnqueueTasks', '--template', '--json');
    const taken = await runHere(['call', 'contact.v1.TaskService/EnqueueTasks', template.stdout, '--server', address]);
    assert.notEqual(taken.code, 2, taken.stderr);
    assert.match(taken.stderr, /^contact: INVALID_ARGUMENT: tasks\[0\]\./, 'only what it is filled with is refused');
    assert.match(
      (await describe('contact.v1.TaskState', '--template')).stderr,
      /--template is of a message or a method/,
    );
    const unknown = await describe('contact.v1.TaskServic');
    assert.deepEqual([unknown.code, /did you mean contact\.v1\.TaskService/.test(unknown.stderr)], [2, true]);
  });

  it('says by whom a service is served that nobody describes', async () => {
    const { address } = await startScene();
    await openServe(address, 'raw', { methods: ['odd.Service/Do'] });
    for (const symbol of ['odd.Service', 'odd.Service/Do']) {
      const { code, stderr } = await runHere(['services', 'describe', symbol, '--server', address]);
      assert.equal(code, 2);
      assert.match(stderr, /^contact: odd\.Service is served by raw, and described by nobody: /);
    }
  });

  it('describes what a file has, without a server', async () => {
    const file = join(createFolder(), 'echo.binpb');
    writeFileSync(
      file,
      toBinary(FileDescriptorSetSchema, create(FileDescriptorSetSchema, { file: [Echo.file.proto] })),
    );
    const { stdout } = await runHere(['services', 'describe', '/echo.Echo/Up', '--template', '--descriptors', file]);
    assert.equal(stdout, '{\n  "body": "",\n  "count": 0\n}\n');
  });
});

describe('contact clients show', function () {
  this.timeout(60_000);
  afterEach(closeScene);

  it('does not know whether a plain client has begun what it holds', async () => {
    const { address } = await startScene();
    const clients = connect({ address });
    await enqueueMany(clients, 1);
    const worker = await openWorker(clients, { isFull: false });
    await worker.receive(1);
    const { stdout } = await runHere(['clients', 'show', worker.clientId, '--server', address]);
    assert.match(stdout, /^holds: +\S+ {2}delivery 1, begun or not$/m);
  });

  it('shows what a client serves, and how many calls run', async () => {
    const { address } = await startScene();
    await startCallee(address, undefined, { labels: { site: 'berlin' } });
    const sleeping = createCaller(address).unary('!sleep');
    const show = (...more: string[]) => runHere(['clients', 'show', 'callee', ...more, '--server', address]);
    await until('it runs', async () => /^serves: +echo\.Echo\/Unary {2}1 call$/m.test((await show()).stdout));
    const { stdout } = await show();
    assert.match(stdout, /^client: +callee\nkind: +named \(remembered\)\nstate: +connected, since \d+s \(20/);
    assert.match(stdout, /^label: +site=berlin$/m);
    assert.match(stdout, /^session: 0 of 1 tasks, from 127\.0\.0\.1:\d+, since /m);
    assert.match(stdout, /^calls: +1 of 100$/m);
    const [json] = parse((await show('--json')).stdout);
    assert.deepEqual((json!.methods as object[])[2], { method: 'echo.Echo/Unary', calls: 1 });
    const nobody = await runHere(['clients', 'show', 'nobody', '--server', address]);
    assert.deepEqual([nobody.code, nobody.stderr], [1, 'contact: client_id: no client nobody\n']);
    await closeScene();
    await sleeping;
  });
});
