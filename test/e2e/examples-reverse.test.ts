import assert from 'node:assert/strict';
import { mkdirSync, readdirSync, readFileSync, symlinkSync } from 'node:fs';
import { join } from 'node:path';
import { credentials, Metadata } from '@grpc/grpc-js';
import { Greeter } from '../../examples/reverse/gen/helloworld_pb.ts';
import { RouteGuide } from '../../examples/reverse/gen/route_guide_pb.ts';
import { ROOT } from '../../scripts/tool.ts';
import { createClient } from '../../shared/grpc.ts';
import { atEnd, closeScene, use } from '../scene/end.ts';
import { createFolder } from '../scene/folder.ts';
import { cleanUpProcesses, startNode, startProgram, startServer, type TestProcess } from '../scene/process.ts';
import { createProxy } from '../scene/proxy.ts';
import { findPython, generateStubs, PYTHON_NEEDS } from '../scene/python.ts';
import { skipLoudly } from '../scene/skip.ts';
import { until } from '../scene/until.ts';

const EXAMPLES = join(ROOT, 'examples', 'reverse');
const TOLD = `Hello, Ada!
{"items":{"scones":3,"tea":2},"total":5,"user":"ada"}
2.25
9007199254740993 item 0 0
9007199254740994 item 1 0.5 seen before
9007199254740995 item 2 1
Berkshire Valley
at 1, at 2, at 3
5 points, 2 features
re: one
re: two
NOT_FOUND nothing at 0°
Hello, whoever comes!
`;

describe('examples/reverse', function () {
  this.timeout(120_000);
  let python: string | undefined;
  let folder: string;
  let programs: TestProcess[] = [];
  cleanUpProcesses();

  before(() => {
    python = findPython();
    if (python === undefined) return;
    folder = createFolder();
    generateStubs(folder, ['contact/v1/reverse.proto', 'contact/v1/contact.proto', 'contact/v1/task.proto']);
    const protos = join(EXAMPLES, 'proto');
    generateStubs(folder, readdirSync(protos), protos);
  });

  afterEach(async () => {
    await closeScene();
    for (const program of programs.splice(0)) await program.stop('SIGKILL');
    programs = [];
  });

  const inTypeScript = (name: string, ...args: string[]): TestProcess => startNode([join(EXAMPLES, name), ...args]);
  const inPython = (name: string, ...args: string[]): TestProcess =>
    startProgram(python!, ['-u', join(EXAMPLES, 'python', name), ...args], {
      env: { PYTHONPATH: `${folder}:${join(EXAMPLES, 'python')}`, PYTHONDONTWRITEBYTECODE: '1' },
    });

  async function serveBy(language: string, address: string, id: string): Promise<TestProcess> {
    const [start, name] = language === 'Python' ? [inPython, 'services.py'] : [inTypeScript, 'callee.ts'];
    const program = start(name!, address, id);
    programs.push(program);
    await program.waitFor(/^serving$/m, 'stdout');
    return program;
  }

  for (const callee of ['TypeScript', 'Python']) {
    for (const caller of ['TypeScript', 'Python']) {
      it(`are answered in ${callee} and called in ${caller}, and end when they are told to`, async function () {
        if ([callee, caller].includes('Python') && python === undefined) skipLoudly(this, PYTHON_NEEDS);
        const server = await startServer();
        programs.push(server);
        const serving = await serveBy(callee, server.address, 'robot');
        const start =
          caller === 'Python'
            ? inPython('caller.py', server.address, 'robot')
            : inTypeScript('caller.ts', server.address, 'robot');
        const { stdout, stderr, code } = await start.ended;
        assert.deepEqual([stdout, code], [TOLD, 0], stderr);
        const ended = await serving.stop('SIGTERM');
        assert.deepEqual([ended.code, ended.signal], [0, null], ended.stderr);
      });
    }
  }

  it('run as their README says', async function () {
    if (python === undefined) skipLoudly(this, PYTHON_NEEDS);
    const readme = readFileSync(join(EXAMPLES, 'README.md'), 'utf8');
    const blocks = [...readme.matchAll(/^```sh\n([\s\S]*?)^```$/gm)].map(([, block]) => block!);
    assert.equal(blocks.length, 2);
    const server = await startServer();
    programs.push(server);
    // A checkout that may be written to.
    const place = createFolder();
    mkdirSync(join(place, 'examples', 'reverse'), { recursive: true });
    symlinkSync(join(ROOT, 'proto'), join(place, 'proto'));
    for (const name of ['proto', 'python', 'gen', 'callee.ts', 'caller.ts'])
      symlinkSync(join(EXAMPLES, name), join(place, 'examples', 'reverse', name));
    const node = `"${process.execPath}"`;
    const lines = blocks
      .join('')
      .replace(/^npx contact serve .*$/m, '')
      .replaceAll('npx node', node)
      .replaceAll('python3', `"${python}"`)
      .replaceAll('127.0.0.1:50051', server.address);
    const script = `set -euo pipefail; trap 'kill $(jobs -p); wait' EXIT; cd "${place}"\n${lines}`;
    const { stdout, stderr, code } = await startProgram('bash', ['-c', script]).ended;
    assert.equal(code, 0, stderr);
    assert.equal(stdout.replaceAll(/^serving\n/gm, ''), TOLD + TOLD, stderr);
  });

  it('in Python come back when the line is cut, when the server is killed, and finish what runs when they leave', async function () {
    if (python === undefined) skipLoudly(this, PYTHON_NEEDS);
    const server = await startServer();
    programs.push(server);
    const line = use(await createProxy(server.address));
    const program = await serveBy('Python', line.address, 'robot');
    const greet = (address: string, name: string): Promise<string> => {
      const client = createClient(Greeter, address, credentials.createInsecure());
      atEnd(() => client.close());
      const metadata = new Metadata();
      metadata.set('contact-client', 'robot');
      metadata.set('contact-wait', '20s');
      return new Promise((resolve, reject) =>
        client.sayHello({ name }, metadata, { deadline: Date.now() + 30_000 }, (error, reply) =>
          error ? reject(error) : resolve(reply!.message),
        ),
      );
    };
    line.cut();
    // The server may not have noticed yet: then its caller is told that nobody knows.
    await until('it is back', () => greet(server.address, 'again').catch(() => false));
    await server.kill();
    const another = await startServer();
    programs.push(another);
    line.retarget(another.address);
    await until('the other server knows it', () => greet(another.address, 'another').catch(() => false));

    const client = createClient(RouteGuide, another.address, credentials.createInsecure());
    atEnd(() => client.close());
    const call = client.routeChat();
    const notes: string[] = [];
    call.on('data', ({ message }) => notes.push(message));
    const ended = new Promise<number>((resolve) => call.on('status', ({ code }) => resolve(code)));
    call.write({ message: 'one' });
    await until('it runs', () => notes.length === 1);
    program.child.kill('SIGTERM');
    await until('nobody serves it any more', () => greetNow(another.address));
    call.write({ message: 'two' });
    call.end();
    assert.deepEqual([await ended, notes], [0, ['re: one', 're: two']]);
    assert.equal((await program.ended).code, 0);
  });
});

/** Whether a call is told that nobody is there. */
function greetNow(address: string): Promise<boolean> {
  const client = createClient(Greeter, address, credentials.createInsecure());
  return new Promise((resolve) =>
    client.sayHello({ name: 'x' }, (error) => {
      client.close();
      resolve(error?.code === 14);
    }),
  );
}
