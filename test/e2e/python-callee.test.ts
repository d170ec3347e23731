import assert from 'node:assert/strict';
import { readdirSync } from 'node:fs';
import { join } from 'node:path';
import { status } from '@grpc/grpc-js';
import { createCaller, createProducer } from '../../client/index.ts';
import { Greeter } from '../../examples/reverse/gen/helloworld_pb.ts';
import { ROOT } from '../../scripts/tool.ts';
import { closeScene, use } from '../scene/end.ts';
import { createFolder } from '../scene/folder.ts';
import { cleanUpProcesses, startProgram, startServer, type TestProcess } from '../scene/process.ts';
import { findPython, generateStubs, PYTHON_NEEDS } from '../scene/python.ts';
import { skipLoudly } from '../scene/skip.ts';

const EXAMPLES = join(ROOT, 'examples', 'reverse');
/** What each request comes to, live and durable alike; what grpc.server says of the same handlers. */
const ENDS = {
  'code of int': 'UNKNOWN',
  'abort with int': 'UNKNOWN words',
  'abort with OK': 'UNKNOWN',
  'no words': 'NOT_FOUND',
  'no trailers': 'answered',
  'trailers of int': 'UNKNOWN Exception calling application',
  exit: 'UNKNOWN Exception calling application: 1',
  'no answer': 'INTERNAL Failed to serialize response!',
};

describe('the callee in Python', function () {
  this.timeout(120_000);
  cleanUpProcesses();
  const programs: TestProcess[] = [];

  afterEach(async () => {
    await closeScene();
    for (const program of programs.splice(0)) await program.stop('SIGKILL');
  });

  it('goes on after whatever a handler or a task does, and ends each call', async function () {
    const python = findPython();
    if (python === undefined) skipLoudly(this, PYTHON_NEEDS);
    const folder = createFolder();
    generateStubs(folder, ['contact/v1/reverse.proto', 'contact/v1/contact.proto', 'contact/v1/task.proto']);
    generateStubs(folder, readdirSync(join(EXAMPLES, 'proto')), join(EXAMPLES, 'proto'));
    const server = await startServer();
    const env = { PYTHONPATH: `${folder}:${join(EXAMPLES, 'python')}`, PYTHONDONTWRITEBYTECODE: '1' };
    const callee = startProgram(python, ['-u', join(ROOT, 'test/python/odd_callee.py'), server.address, 'odd'], {
      env,
    });
    programs.push(server, callee);
    await callee.waitFor(/^serving$/m, 'stdout');
    const greeter = use(createCaller({ server: server.address, deadlineMs: 30_000 })).stub(Greeter);
    const producer = use(createProducer({ server: server.address }));
    const call = (name: string, mode: 'live' | 'durable'): Promise<string> =>
      greeter.sayHello({ name }, { mode }).then(
        ({ message }) => message,
        ({ status: code, message }) => `${status[code]} ${message}`,
      );
    for (const [name, end] of Object.entries(ENDS)) {
      for (const mode of ['live', 'durable'] as const) {
        const told = await call(name, mode);
        assert.ok(told.startsWith(end), `${mode}, ${name}: ${told}\n${callee.stderr}`);
      }
    }
    assert.match(callee.stderr, /^contact\.v1\.Own\/Do is not served: this name is the server’s own$/m);
    assert.match(callee.stderr, /^a handler has failed\nTraceback .*\bSystemExit: 1$/ms);
    const second = startProgram(python, ['-u', join(ROOT, 'test/python/odd_callee.py'), server.address, 'odd'], {
      env,
    });
    programs.push(second);
    await second.waitFor(/^odd at 127\.0\.0\.1:\d+: ALREADY_EXISTS: .*; trying on$/m, 'stderr');
    await second.stop('SIGKILL');
    const noBase64 = producer.call('helloworld.Greeter/SayHello', null, { metadata: { 'x-bin': 'a' } });
    await assert.rejects(noBase64, /metadata x-bin is no base64/);
    assert.deepEqual([await call('x', 'live'), await call('x', 'durable')], ['answered', 'answered']);
  });
});
