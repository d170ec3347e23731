import assert from 'node:assert/strict';
import { join } from 'node:path';
import { describe, it } from 'mocha';
import { createAdmin, createProducer, createWorker } from '../../client/index.ts';
import { silentLogger } from '../../client/options.ts';
import { createFolder } from '../scene/folder.ts';
import { cleanUpProcesses, runContact, startServer } from '../scene/process.ts';
import { until } from '../scene/until.ts';

describe('contact tasks show', function () {
  this.timeout(120_000);
  cleanUpProcesses();

  it('tells what a task went through on three clients, with errors and where they came from, after a kill -9', async () => {
    const store = `sqlite:${join(createFolder(), 'contact.db')}`;
    const server = await startServer({ args: ['--store', store] });
    const connection = { server: server.address, logger: silentLogger };
    const producer = createProducer(connection);
    const { id } = await producer.enqueue('q', null, { maxAttempts: 4, backoff: { baseMs: 1, capMs: 1 } });
    for (const attempt of [1, 2, 3, 4]) {
      const worker = createWorker({
        ...connection,
        clientId: `w${attempt % 3}`,
        queues: ['q'],
        handler: (): never => {
          void worker.drain();
          throw new Error(`broke ${attempt}`, { cause: new Error(`cause ${attempt}`) });
        },
      });
      await worker.finished;
    }
    const admin = createAdmin(connection);
    await until('the end', async () => ((await admin.describeTask(id)).settledAt ? true : undefined));
    await Promise.all([producer.close(), admin.close()]);
    const watched = await runContact(['tasks', 'watch', id, '--server', server.address]);
    assert.deepEqual(
      watched.stdout
        .split('\n')
        .flatMap(
          (line) => / {2}(attempt \d) failed after \d+m?s, (client w\d: .*?)(;|$)/.exec(line)?.slice(1, 3) ?? [],
        ),
      [1, 2, 3, 4].flatMap((n) => [`attempt ${n}`, `client w${n % 3}: broke ${n}`]),
    );
    await server.kill();

    const again = await startServer({ args: ['--store', store] });
    const show = (...flags: string[]) => runContact(['tasks', 'show', id, '--server', again.address, ...flags]);
    const { stdout } = await show();
    const rows = stdout.slice(stdout.indexOf('\n\n') + 2).split('\n');
    assert.match(rows[0]!, /^attempt +delivery +client +since +for +end +next after +error$/);
    for (const n of [1, 2, 3, 4]) {
      assert.match(rows[n]!, new RegExp(`^ +${n} +${n} +w${n % 3} +20\\S+Z +\\S+m?s +failed +(\\dms)? +broke ${n}$`));
    }
    assert.equal(stdout.includes('cause 1'), false);
    const { stdout: detailed } = await show('--attempts');
    for (const n of [1, 2, 3, 4]) {
      assert.match(detailed, new RegExp(`\nattempt ${n}, delivery ${n}:\n  Error: broke ${n}\n      at `));
      assert.match(detailed, new RegExp(`\n  Caused by: Error: cause ${n}\n      at `));
    }
    const { attempts } = JSON.parse((await show('--json')).stdout) as {
      attempts: { client: string; end: string; error: { message: string; detail: string } }[];
    };
    assert.deepEqual(
      attempts.map(({ client, end, error }) => [client, end, error.message, error.detail.includes('cause')]),
      [1, 2, 3, 4].map((n) => [`w${n % 3}`, 'failed', `broke ${n}`, true]),
    );
    await again.stop();
  });
});
