import assert from 'node:assert/strict';
import { join } from 'node:path';
import { DatabaseSync } from 'node:sqlite';
import { createAdmin, createObserver } from '../../client/index.ts';
import { openStore } from '../../server/store/open.ts';
import { closeScene, use } from '../scene/end.ts';
import { createFolder } from '../scene/folder.ts';
import { cleanUpProcesses, startServer } from '../scene/process.ts';
import { connectTo } from '../scene/server.ts';
import { createTask } from '../scene/tasks.ts';
import { until } from '../scene/until.ts';

const COUNT = 20_000;
const KEPT = 1_000;

describe('a server that is killed while it prunes', function () {
  this.timeout(120_000);
  cleanUpProcesses();
  afterEach(closeScene);

  /** Tasks that were settled an hour ago. */
  async function fill(store: string): Promise<void> {
    const at = Date.now() - 3_600_000;
    const opened = await openStore(store, { node: 'test' });
    for (let n = 0; n < COUNT; n += 1_000) {
      const tasks = Array.from({ length: 1_000 }, () => createTask());
      await opened.insertTasks(tasks, at);
      await opened.cancelTasks(
        tasks.map(({ id }) => id),
        '',
        at,
      );
    }
    await opened.close();
  }

  it('goes on where it was: what is counted is there, the newest stay, and observers are told of all others', async () => {
    const file = join(createFolder(), 'contact.db');
    const store = `sqlite:${file}`;
    await fill(store);
    const options = { store, args: ['--retain-max', String(KEPT)] };
    const count = async (address: string): Promise<number> => {
      const admin = createAdmin(connectTo(address));
      const { queues } = await admin.listQueues();
      await admin.close();
      return queues[0]!.cancelled;
    };
    for (const kept of [15_000, 8_000]) {
      const server = await startServer(options);
      await until('some to be pruned', async () => (await count(server.address)) < kept);
      await server.kill();
      const db = new DatabaseSync(file);
      const { counted, tasks, results } = db
        .prepare(
          `SELECT (SELECT cancelled FROM queue) AS counted, (SELECT count(*) FROM task) AS tasks,
             (SELECT count(*) FROM result) AS results`,
        )
        .get() as { counted: number; tasks: number; results: number };
      db.close();
      assert.ok(counted >= KEPT && counted < kept, `${counted} kept`);
      assert.deepEqual([tasks, results], [counted, counted]);
    }
    const server = await startServer(options);
    await until('all to be pruned', async () => (await count(server.address)) === KEPT);
    const observer = use(createObserver(connectTo(server.address)));
    const gaps: unknown[] = [];
    let seen = 0;
    for await (const _ of observer.results({ from: 'oldest', follow: false, onGap: (gap) => gaps.push(gap) })) seen++;
    assert.deepEqual([seen, gaps], [KEPT, []]);
    await server.stop();
  });
});
