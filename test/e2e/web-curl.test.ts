import assert from 'node:assert/strict';
import { spawnSync } from 'node:child_process';
import { findBlock } from '../checks/readme.ts';
import { cleanUpProcesses, startContact, startProgram, startServer } from '../scene/process.ts';
import { skipLoudly } from '../scene/skip.ts';

describe('README.md on JSON over HTTP', function () {
  this.slow(8_000);

  before(function () {
    if (spawnSync('curl', ['--version']).status !== 0) skipLoudly(this, 'there is no curl');
  });
  cleanUpProcesses();

  it('asks a server that is there, and is answered as it says', async () => {
    const server = await startServer();
    const worker = startContact(['work', 'lines', '--server', server.address, '--', 'tr', 'a-z', 'A-Z']);
    await worker.waitFor(/connected/);
    const script = findBlock('sh', 'curl ').text.replace('127.0.0.1:50051', server.address);
    const { stdout, stderr } = await startProgram('bash', ['-c', script]).ended;
    const lines = stdout.split('\n');
    const [stored, outcome, listed, cancelled] = lines.slice(0, 4).map((line) => JSON.parse(line));
    assert.equal(stored.deduplicated, false);
    assert.deepEqual([outcome.state, outcome.result], ['succeeded', 'HELLO']);
    assert.deepEqual(
      listed.tasks.map(({ id }: { id: string }) => id),
      [stored.id],
    );
    assert.deepEqual(cancelled, { tasks: [{ id: stored.id, state: 'cancelled' }], total: 1 });
    const events = lines.filter((line) => line.startsWith('data: ')).map((line) => JSON.parse(line.slice(6)));
    assert.deepEqual(
      events.map(({ id }) => id),
      [outcome.id, stored.id],
    );
    // It ends by its own time, which curl takes for an error.
    assert.match(stderr, /timed out/);
    await worker.stop();
    await server.kill();
  });
});
