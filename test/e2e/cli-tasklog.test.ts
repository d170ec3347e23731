import assert from 'node:assert/strict';
import { join } from 'node:path';
import { describe, it } from 'mocha';
import { createProducer, createWorker } from '../../client/index.ts';
import { silentLogger } from '../../client/options.ts';
import { createFolder } from '../scene/folder.ts';
import { cleanUpProcesses, runContact, startContact, startServer } from '../scene/process.ts';

describe('the log of a task on the command line', function () {
  this.timeout(120_000);
  cleanUpProcesses();

  const storeIn = (folder: string): string[] => ['--store', `sqlite:${join(folder, 'contact.db')}`];

  it('is seen live by watch, and by show after a kill -9: of the newest attempt, of all, and as JSON', async () => {
    const folder = createFolder();
    const server = await startServer({ args: storeIn(folder) });
    const connection = { server: server.address, logger: silentLogger };
    const gate = Promise.withResolvers<void>();
    const worker = createWorker({
      ...connection,
      clientId: 'w',
      queues: ['q'],
      handler: async (_payload, { attempt, log }) => {
        if (attempt === 1) {
          log('a first try', 'debug');
          throw new Error('broke');
        }
        for (let n = 1; n <= 103; n += 1) log(`step ${n}`);
        log('odd:\u001b[31m red', 'warn');
        await gate.promise;
        log('with the end', 'error');
      },
    });
    const producer = createProducer(connection);
    const { id } = await producer.enqueue('q', null, { backoff: { baseMs: 1, capMs: 1 } });
    const watching = startContact(['tasks', 'watch', id, '--server', server.address]);
    const watchingJson = startContact(['tasks', 'watch', id, '--json', '--server', server.address]);
    const [, at] = await watching.waitFor(/(\S+Z) {2}log {2}warn {2}odd:\\x1b\[31m red\n/);
    assert.ok(Math.abs(Date.now() - Date.parse(at!)) < 60_000);
    await watchingJson.waitFor(/"text":"odd:/);
    gate.resolve();
    const [people, json] = await Promise.all([watching.ended, watchingJson.ended]);
    assert.deepEqual([people.code, json.code], [0, 0]);
    const told = people.stdout.split('\n').flatMap((line) => / {2}log {2}(.*)$/.exec(line)?.slice(1) ?? []);
    assert.equal(new Set(told).size, told.length, 'each line once');
    assert.deepEqual(told.slice(-3), ['info  step 103', 'warn  odd:\\x1b[31m red', 'error  with the end']);
    const events = json.stdout
      .trim()
      .split('\n')
      .map((line) => JSON.parse(line) as Record<string, unknown>);
    const { task } = events.at(-1) as { task: { attempts: { log: { number: number; level: string }[] }[] } };
    assert.deepEqual(
      task.attempts.map(({ log }) => log.at(-1)!.level),
      ['debug', 'error'],
    );
    await Promise.all([producer.close(), worker.stop()]);
    await server.kill();

    const again = await startServer({ args: storeIn(folder) });
    const show = async (...flags: string[]): Promise<string> =>
      (await runContact(['tasks', 'show', id, '--server', again.address, ...flags])).stdout;
    const shown = await show();
    const [, log = ''] = shown.split('\nlog of attempt 2, delivery 2:\n');
    const lines = log.split('\n');
    assert.equal(lines[0], '  … 5 not kept');
    assert.match(lines[1]!, /^ {2}20\S+Z {2}info {2}step 6$/);
    assert.match(lines[99]!, / {2}warn {2}odd:\\x1b\[31m red$/);
    assert.match(lines[100]!, / {2}error {2}with the end$/);
    assert.match(log, /\n\n1 more attempt has a log: --attempts\n$/);
    const all = await show('--attempts');
    assert.match(
      all,
      /\nlog of attempt 1, delivery 1:\n {2}20\S+Z {2}debug {2}a first try\n\nlog of attempt 2, delivery 2:\n/,
    );
    assert.equal(all.includes('--attempts'), false);
    const { attempts } = JSON.parse(await show('--json')) as { attempts: { log: Record<string, unknown>[] }[] };
    const [first] = attempts[0]!.log;
    assert.deepEqual({ ...first, at: '' }, { number: 1, level: 'debug', at: '', text: 'a first try' });
    assert.deepEqual([attempts[1]!.log.length, attempts[1]!.log[0]!.number], [100, 6]);
    await again.stop();
  });

  it('is the stderr of a command of contact work --log, and nothing without the flag', async () => {
    const server = await startServer();
    const producer = createProducer({ server: server.address, logger: silentLogger });
    const script = 'printf "one\\n\\033[31mtwo\\033[0m\\r\\n\\n" >&2; printf "%s" "ä last" >&2; echo out';
    const logged: Record<string, unknown> = {};
    for (const [queue, flags] of [
      ['kept', ['--log']],
      ['left', []],
    ] as const) {
      const worker = startContact(['work', queue, ...flags, '--server', server.address, '--', 'sh', '-c', script]);
      await worker.waitFor(/connected to/);
      const { id } = await producer.enqueue(queue, null);
      await startContact(['tasks', 'watch', id, '--server', server.address]).ended;
      const { stdout } = await runContact(['tasks', 'show', id, '--json', '--server', server.address]);
      const { attempts, result } = JSON.parse(stdout) as {
        attempts: { log: { level: string; text: string }[] }[];
        result: unknown;
      };
      logged[queue] = attempts[0]!.log.map(({ level, text }) => `${level} ${text}`);
      assert.ok(result !== undefined);
      await worker.stop();
    }
    assert.deepEqual(logged, { kept: ['info one', 'info two', 'info ä last'], left: [] });
    await producer.close();
    await server.stop();
  });
});
