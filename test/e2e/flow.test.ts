import assert from 'node:assert/strict';
import { createHash } from 'node:crypto';
import { appendFileSync, readFileSync } from 'node:fs';
import { join } from 'node:path';
import { describe, it } from 'mocha';
import { createFolder } from '../scene/folder.ts';
import { isFull } from '../scene/full.ts';
import { cleanUpProcesses, runContact, startContact, startServer } from '../scene/process.ts';

/** Each run of a command costs some milliseconds of a core. */
const TASKS = isFull ? 1_000 : 200;

interface ResultLine {
  readonly id: string;
  readonly result: string;
}

describe('contact serve, enqueue, work and results', () => {
  cleanUpProcesses();

  it(`give ${TASKS} right answers, each task once, with two workers`, async function () {
    this.timeout(120_000);
    const folder = createFolder();
    const runs = join(folder, 'runs');
    appendFileSync(runs, '');
    const store = `sqlite:${join(folder, 'contact.db')}`;
    const server = await startServer({ store });
    const env = { CONTACT_SERVER: server.address };
    const lines = Array.from({ length: TASKS }, (_, place) => String(place + 1));

    const enqueue = runContact(['enqueue', 'sums', '--lines'], { stdin: `${lines.join('\n')}\n`, env });
    const command = ['sh', '-c', `echo "$CONTACT_TASK_ID" >> '${runs}'; exec sha256sum`];
    const workers = [1, 2].map(() => startContact(['work', 'sums', '--concurrency', '8', '--', ...command], { env }));
    const results = startContact(['results', 'sums', '--from', 'beginning', '--follow', '--json'], { env });

    const { code, stdout } = await enqueue;
    assert.equal(code, 0);
    const ids = stdout.trim().split('\n');
    assert.equal(new Set(ids).size, TASKS);
    await results.waitFor(new RegExp(`^(.+\n){${TASKS}}`), 'stdout');
    assert.deepEqual(
      (await Promise.all(workers.map((worker) => worker.stop()))).map((end) => end.code),
      [0, 0],
    );

    const settled = results.stdout
      .trim()
      .split('\n')
      .map((line) => JSON.parse(line) as ResultLine);
    assert.equal(settled.length, TASKS);
    assert.deepEqual(new Set(settled.map(({ id }) => id)), new Set(ids));
    const answerById = new Map(settled.map(({ id, result }) => [id, result]));
    const expected = lines.map((line) => `${createHash('sha256').update(line).digest('hex')}  -\n`);
    assert.deepEqual(
      ids.map((id) => answerById.get(id)),
      expected,
    );
    const executed = readFileSync(runs, 'utf8').trim().split('\n');
    assert.deepEqual(executed.toSorted(), ids.toSorted(), 'the command ran once for each task');
    await results.stop();

    const second = await runContact(['serve', '--listen', '127.0.0.1:0', '--store', store]);
    assert.equal(second.code, 1);
    assert.match(second.stderr, new RegExp(`in use by process ${server.pid}\\b`));
    assert.equal((await server.stop()).code, 0);
  });
});
