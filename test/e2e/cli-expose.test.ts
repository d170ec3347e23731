import assert from 'node:assert/strict';
import { execFileSync } from 'node:child_process';
import { once } from 'node:events';
import { type AddressInfo, createServer } from 'node:net';
import { join } from 'node:path';
import { ROOT } from '../../scripts/tool.ts';
import { readAll } from '../scene/callcases.ts';
import { createCaller, serveDirectly, startCallee } from '../scene/callers.ts';
import { runHere } from '../scene/command.ts';
import { closeScene } from '../scene/end.ts';
import { createFolder } from '../scene/folder.ts';
import { cleanUpProcesses, runContact, type ServerProcess, startContact, startServer } from '../scene/process.ts';
import { type Program, startProgram } from '../scene/program.ts';
import { findPython, generateStubs, PYTHON_NEEDS } from '../scene/python.ts';
import { skipLoudly } from '../scene/skip.ts';
import { until } from '../scene/until.ts';

const SERVER = join(ROOT, 'test', 'python', 'echo_server.py');
const PROTO = join(ROOT, 'test', 'echo');

describe('contact expose', function () {
  this.timeout(120_000);
  let server: ServerProcess;

  before(async () => {
    server = await startServer({ args: ['--ping-interval', '1s'] });
  });
  afterEach(closeScene);
  cleanUpProcesses();

  function expose(...args: readonly string[]) {
    return startContact(['expose', ...args, '--server', server.address]);
  }

  describe('a server in Python', () => {
    let python: string;
    let folder: string;
    let target: Program | undefined;

    before(function () {
      const found = findPython();
      if (found === undefined) return skipLoudly(this, PYTHON_NEEDS);
      python = found;
      folder = createFolder();
      generateStubs(folder, ['echo.proto'], PROTO);
      execFileSync('protoc', ['-I', PROTO, '-o', join(folder, 'echo.binpb'), 'echo.proto']);
    });
    afterEach(() => target?.stop('SIGKILL'));

    /** What the program says of itself to operators. */
    async function untilStatus(isIt: (status: string) => boolean): Promise<void> {
      const list = ['clients', 'list', '--json', '--server', server.address];
      await until('it says so', async () => {
        const { stdout } = await runHere(list);
        return stdout.split('\n').some((line) => line.includes('"python"') && isIt(JSON.parse(line).status ?? ''));
      });
    }

    async function startTarget(address = '127.0.0.1:0'): Promise<string> {
      target = startProgram(python, ['-u', SERVER, 'direct', address], { folder, environment: { PYTHONPATH: folder } });
      return (await target.waitForLine(/^serving (.+)$/))[1]!;
    }

    it('says what can be called, outlives a restart of the server, and finishes the calls that run when it is told to end', async () => {
      const to = await startTarget();
      const program = expose('echo.Echo', '--to', to, '--descriptors', join(folder, 'echo.binpb'), '--id', 'python');
      await program.waitFor(/^exposed echo\.Echo with 4 methods$/m, 'stdout');
      const { unary, client } = createCaller(server.address);
      const metadata = { 'contact-client': 'python' };
      assert.deepEqual((await unary('hello', { metadata })).bodies, ['hello']);

      await target!.stop('SIGKILL');
      await program.waitFor(/is away: .*; what it serves is withdrawn/, 'stderr');
      await untilStatus((status) => status.startsWith(`${to} is away: connect ECONNREFUSED`));
      const later = unary('later', { metadata: { 'contact-wait': '30s' } });
      const kept = unary('kept', { metadata: { 'contact-mode': 'durable' } });
      await startTarget(to);
      assert.deepEqual([(await later).bodies, (await kept).bodies], [['later'], ['kept']]);
      await untilStatus((status) => status === '');

      const call = client.chat();
      const replies = readAll(call);
      const first = new Promise((resolve) => call.once('data', resolve));
      call.write({ body: Buffer.from('one') });
      await first;
      program.child.kill('SIGTERM');
      await program.waitFor(/^draining: no new calls/m, 'stderr');
      call.write({ body: Buffer.from('two') });
      call.end();
      assert.equal((await replies).code, 0);
      assert.equal((await program.ended).code, 0);
    });
  });

  it('cancels the calls that run at the second signal', async () => {
    const inner = await startServer();
    await startCallee(inner.address);
    const program = expose('--to', inner.address, 'echo.Echo', '--json');
    const [line] = await program.waitFor(/^\{.*\}$/m, 'stdout');
    const { service, methods, client } = JSON.parse(line);
    assert.deepEqual([service, methods.length], ['echo.Echo', 4]);
    const call = createCaller(server.address).client.chat();
    const replies = readAll(call);
    const first = new Promise((resolve) => call.once('data', resolve));
    call.write({ body: Buffer.from('one') });
    await first;
    program.child.kill('SIGTERM');
    await program.waitFor(/draining/, 'stderr');
    program.child.kill('SIGTERM');
    const { code, details } = await replies;
    assert.deepEqual([code, details], [14, 'the worker stops']);
    assert.equal((await program.ended).code, 0);
    assert.match(client, /^[\w.:-]+$/);
    await inner.stop();
  });

  it('says why its target is not there yet, and ends well when it is stopped meanwhile', async () => {
    const old = createServer((socket) =>
      socket
        .on('error', () => undefined)
        .resume()
        .end('HTTP/1.1 400 Bad Request\r\n\r\n'),
    );
    await once(old.listen(0, '127.0.0.1'), 'listening');
    const { port } = old.address() as AddressInfo;
    for (const [to, why] of [
      ['127.0.0.1:1', 'connect ECONNREFUSED 127.0.0.1:1'],
      [`127.0.0.1:${port}`, 'what listens there does not speak gRPC (HTTP/2)'],
    ] as const) {
      const program = expose('--to', to, '--connect-timeout', '0s');
      await program.waitFor(/the target .* is not there yet: .*/, 'stderr');
      const { code, stdout, stderr } = await program.stop('SIGTERM');
      const [, line] = stderr.match(/is not there yet: (.*); what it serves is announced once it is$/m) ?? [];
      assert.deepEqual([line, code, stdout], [why, 0, '']);
      assert.doesNotMatch(stderr, /Warning/);
    }
    old.close();
  });

  it('says what is wrong, and what to do', async () => {
    const to = await serveDirectly();
    const run = (...args: string[]) => runContact(['expose', ...args, '--server', server.address]);
    for (const [args, code, message] of [
      [['--to', to], 1, /^contact: --descriptors: \S+ has no reflection; give a FileDescriptorSet of its services$/m],
      [['--to', server.address, 'no.Such'], 1, /^contact: SERVICE: .*no\.Such/m],
      [['--to', to, '--descriptors', '/no/such/file'], 2, /^contact: --descriptors: ENOENT/m],
      [
        ['--to', to, '--descriptors', SERVER],
        2,
        /^contact: --descriptors: expected a google.protobuf.FileDescriptorSet/m,
      ],
      [['--to', to, '--to-tls-cert', 'x'], 2, /^contact: --to-tls-cert and --to-tls-key go together$/m],
      [['--to', to, 'not a service'], 2, /^contact: SERVICE: expected pkg\.Service/m],
      [
        ['--to', '127.0.0.1:1', '--connect-timeout', '2s'],
        3,
        /^contact: --to: could not reach 127\.0\.0\.1:1 within 2000 ms: connect ECONNREFUSED/m,
      ],
    ] as const) {
      const ended = await run(...args);
      assert.match(ended.stderr, message);
      assert.deepEqual([ended.code, ended.stdout], [code, ''], args.join(' '));
    }
  });
});
