import assert from 'node:assert/strict';
import { join } from 'node:path';
import { createAdmin } from '../../client/index.ts';
import { TaskState } from '../../gen/index.ts';
import { createFolder } from '../scene/folder.ts';
import { cleanUpProcesses } from '../scene/process.ts';
import { createRig } from './rig.ts';

describe('a task with one attempt, its worker with a spool and the server killed together', function () {
  this.timeout(60_000);
  cleanUpProcesses();

  for (const order of [
    ['server', 'worker'],
    ['worker', 'server'],
  ] as const) {
    it(`is never run again (the ${order[0]} first)`, async () => {
      const rig = await createRig({ serverArgs: ['--resume-window', '60s'] });
      const spool = join(createFolder(), 'spool');
      const start = { spool, clientId: 'the-worker', backoff: { baseMs: 20, capMs: 100 } };
      const first = await rig.startWorker({ name: 'first', ...start });
      await rig.enqueue([60_000], { maxAttempts: 1 });
      await first.waitFor(/^began 1$/m, 'stdout');
      for (const one of order) await (one === 'server' ? rig.server : first).stop('SIGKILL');
      await rig.startAgain();
      const second = await rig.startWorker({ name: 'second', ...start });
      const [seen] = await rig.observe(1);
      const admin = createAdmin({ server: rig.address });
      const { state, error } = (await admin.describeTask(seen!.taskId))!;
      await admin.close();
      assert.deepEqual([state, error?.code], [TaskState.FAILED, 'LOST']);
      assert.equal(rig.journal().filter(({ kind }) => kind === 'began').length, 1);
      await second.stop('SIGTERM');
      await rig.stop();
    });
  }
});
