import assert from 'node:assert/strict';
import { join } from 'node:path';
import { describe, it } from 'mocha';
import { ContactError, createProducer } from '../../client/index.ts';
import { createServer } from '../../server/index.ts';
import { cleanUpProcesses, startNode } from '../scene/process.ts';

const CLIENT = JSON.stringify(join(import.meta.dirname, '..', '..', 'client', 'index.ts'));
const NOBODY = '127.0.0.1:1';

/** A program that waits for `server` in every way the SDK has. */
function startProgram(server: string, logger = '') {
  const code = `
    import { createObserver, createProducer, createWorker } from ${CLIENT};
    const options = { server: ${JSON.stringify(server)}, ${logger} };
    createWorker({ ...options, queues: ['q'], handler: () => 1 });
    createProducer(options).enqueue('q', 1);
    (async () => { for await (const _ of createObserver(options).results()); })();
    const patient = createProducer({ ...options, logger: { info() {}, warn() {} } });
    patient.call('q', 1, { deadlineMs: 4_000 }).catch((error) => console.log(error.code));`;
  return startNode(['--input-type=module', '--eval', code]);
}

describe('the SDK, when its server is out of reach', function () {
  this.timeout(60_000);
  cleanUpProcesses();

  it('says so on stderr, once for each object that waits, and why', async () => {
    const program = startProgram(NOBODY);
    await program.waitFor(/^DEADLINE_EXCEEDED$/m, 'stdout');
    const { stderr } = await program.stop();
    const line = `contact: no answer from ${NOBODY} yet: connect ECONNREFUSED ${NOBODY} (is \`contact serve\` running there?); trying on (the option \`logger\` replaces this line)`;
    assert.deepEqual(stderr.trimEnd().split('\n'), [line, line, line]);
  });

  it('leaves that to a logger that was given', async () => {
    const program = startProgram(NOBODY, 'logger: { info() {}, warn() {} }');
    await program.waitFor(/^DEADLINE_EXCEEDED$/m, 'stdout');
    assert.equal((await program.stop()).stderr, '');
  });

  it('says nothing of that of a server that answers', async () => {
    const server = await createServer({ listen: '127.0.0.1:0', store: 'memory:' });
    const { host, port } = await server.listen();
    const code = `
      import { createObserver, createProducer } from ${CLIENT};
      const options = { server: '${host}:${port}' };
      (async () => { for await (const _ of createObserver(options).results()); })();
      createProducer(options).call('none', 1, { deadlineMs: 3_000 }).catch((error) => console.log(error.code));`;
    const program = startNode(['--input-type=module', '--eval', code]);
    try {
      await program.waitFor(/^DEADLINE_EXCEEDED$/m, 'stdout');
      // Why there is no result.
      assert.equal(
        (await program.stop()).stderr,
        'contact: no client serves queue none, and none has done a task of it\n',
      );
    } finally {
      await server.close({ deadlineMs: 0 });
    }
  });

  it('names the cause in the error of a call that is overdue', async () => {
    const options = { server: NOBODY, logger: { info() {}, warn() {} } };
    const producer = createProducer(options);
    const error = await producer.call('q', 1, { deadlineMs: 500 }).catch((failure: unknown) => failure);
    assert.ok(error instanceof ContactError);
    assert.match(error.message, /no result in 500 ms: 127\.0\.0\.1:1 cannot be reached: connect ECONNREFUSED/);
    assert.ok(error.cause instanceof ContactError && error.cause.code === 'UNAVAILABLE');
    await producer.close({ deadlineMs: 0 });
  });

  it('tells a call that is overdue at a server that answers from one that is out of reach', async () => {
    const server = await createServer({ listen: '127.0.0.1:0', store: 'memory:' });
    const { host, port } = await server.listen();
    const producer = createProducer({ server: `${host}:${port}` });
    try {
      await producer.connected();
      const error = await producer.call('q', 1, { deadlineMs: 300 }).catch((failure: unknown) => failure);
      assert.ok(error instanceof ContactError);
      assert.match(
        error.message,
        / answers, so nobody serves its queue, or it waits or runs: see `contact tasks show /,
      );
      assert.equal(error.cause, undefined);
    } finally {
      await producer.close({ deadlineMs: 0 });
      await server.close({ deadlineMs: 0 });
    }
  });
});
