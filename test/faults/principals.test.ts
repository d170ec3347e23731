import assert from 'node:assert/strict';
import { readFileSync } from 'node:fs';
import { join } from 'node:path';
import { DatabaseSync } from 'node:sqlite';
import { TaskService } from '../../gen/index.ts';
import { createAccessScene } from '../scene/access.ts';
import { ask, type Clients, connect, enqueue, refusalOf } from '../scene/clients.ts';
import { closeScene } from '../scene/end.ts';
import { createFolder } from '../scene/folder.ts';
import { cleanUpProcesses, startServer } from '../scene/process.ts';
import { nameOf, openWorker } from '../scene/worker.ts';

const MAX = 600;
const NAMES = ['alice', 'bob'] as const;

/** How many tasks of each principal wait in a file: by its table, and by a look at each task. */
function countIn(file: string): { counted: object; found: object } {
  const db = new DatabaseSync(file);
  const read = (sql: string): object =>
    Object.fromEntries(
      db
        .prepare(sql)
        .all()
        .map(({ name, waiting }) => [name, waiting]),
    );
  const counted = read('SELECT name, waiting FROM principal');
  const found = read(`
    SELECT created_by AS name, count(*) AS waiting FROM task LEFT JOIN live ON task_key = key
    WHERE created_by IS NOT NULL AND (state <> 1 OR state IS NULL AND key NOT IN (SELECT task_key FROM result)
      AND key NOT IN (SELECT run.value FROM claim, json_each(runs) AS session, json_each(session.value) AS run))
    GROUP BY created_by`);
  db.close();
  return { counted, found };
}

describe('a principal, over kills of the server', function () {
  this.timeout(120_000);
  afterEach(closeScene);
  cleanUpProcesses();

  /**
   * Tasks of all kinds, some of which are cancelled, given back, failed, finished, or run when the server ends, which is told of
   * each round.
   */
  async function work(clients: Clients, isOver: () => boolean, onRound: (round: number) => void): Promise<void> {
    const worker = await openWorker(clients, { maxInFlight: 40 });
    for (let round = 0; !isOver(); round++) {
      const ids = await enqueue(
        clients,
        ...Array.from({ length: 20 }, (_, n) => ({ maxAttempts: 1 + (n % 3), idempotencyKey: n === 7 ? 'once' : '' })),
        ...[
          { start: { case: 'delayMs', value: 50 } } as const,
          { target: { case: 'clientId', value: 'away' } } as const,
        ],
        { expiry: { case: 'expiresAfterMs', value: 30 }, queue: 'nobody' },
      );
      await ask(clients, TaskService.method.cancelTasks, { ids: ids.slice(-2, -1) });
      const held = (await worker.receive((round + 1) * 12)).slice(round * 12).map(nameOf);
      const error = { code: 'BROKEN', message: 'it broke' };
      const failed = held.slice(6, 9).map((one) => ({ ...one, error }));
      await worker.report({ released: held.slice(3, 6), failed });
      await worker.succeed(...held.slice(0, 3));
      onRound(round);
    }
  }

  it('has as many that wait as its tasks say, whatever they have gone through', async () => {
    const folder = createFolder();
    const file = join(folder, 'contact.db');
    const args = ['--auth', 'on', '--ping-interval', '1s', '--max-waiting-tasks-per-principal', String(MAX)];
    let server = await startServer({ store: `sqlite:${file}`, args: [...args, '--resume-window', '1s'] });
    const access = createAccessScene(server, readFileSync(`${file}.operator-token`, 'utf8').trim());
    const tokens = await Promise.all(NAMES.map((name) => access.token({}, { name })));
    const sums: number[] = [];
    for (const rounds of [3, 6]) {
      const callers = tokens.map(({ text }) => connect(server, {}, text));
      let isOver = false;
      const enough = Promise.withResolvers<void>();
      const done = [0, 0];
      const working = callers.map((clients, n) => {
        const note = (round: number): void => {
          done[n] = round;
          if (Math.min(...done) >= rounds) enough.resolve();
        };
        return work(clients, () => isOver, note).catch((error) => {
          // It goes on until the server is killed in the midst of it.
          if (!isOver) enough.reject(error);
        });
      });
      await enough.promise;
      isOver = true;
      await server.kill();
      await Promise.all(working);
      const { counted, found } = countIn(file);
      assert.deepEqual(counted, found);
      assert.deepEqual(Object.keys(counted).sort(), ['token:alice', 'token:bob']);
      sums.push(Object.values(counted).reduce((sum, one) => sum + one, 0));
      server = await startServer({ store: `sqlite:${file}`, args, listen: server.address });
    }
    assert.ok(sums[1]! > 0, `waited: ${sums.join(', ')}`);
    // What ran comes back in its own time, and is counted again; nobody has more room than that leaves.
    const [alice] = tokens.map(({ text }) => connect(server, {}, text));
    const fill = async (count: number): Promise<string> => {
      const answers: string[] = [];
      while (answers.length <= MAX && (answers.at(-1) ?? 'OK') === 'OK') {
        answers.push(await refusalOf(enqueue(alice!, ...Array.from({ length: count }, () => ({})))));
      }
      return answers.at(-1)!;
    };
    await fill(50);
    const refusal = await fill(1);
    assert.match(refusal, /^RESOURCE_EXHAUSTED tasks: token:alice has 6\d\d that wait, and may have no more/);
    await server.kill();
    const { counted, found } = countIn(file);
    assert.deepEqual(counted, found);
  });
});
