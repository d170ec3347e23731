import assert from 'node:assert/strict';
import { mkdtempSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { ROOT } from '../../scripts/tool.ts';
import { type Program, startProgram } from '../checks/program.ts';
import { findPython, generateStubs, PYTHON_NEEDS } from '../checks/python.ts';
import { openWorker } from '../transport/raw-worker.ts';
import { closeScene, connect, enqueueMany, startScene } from '../transport/scene.ts';

const HOLDER = join(ROOT, 'test', 'python', 'holder.py');
/** What each kind may hold. */
const COUNTS = { classic: 1, v1: 4 };

describe('a worker in Python that is lost', function () {
  this.timeout(120_000);
  let python: string;
  let folder: string;
  let program: Program;

  before(function () {
    const found = findPython();
    if (found === undefined) {
      console.warn(`    SKIPPED: ${PYTHON_NEEDS}`);
      return this.skip();
    }
    python = found;
    folder = mkdtempSync(join(tmpdir(), 'contact-python-'));
    generateStubs(folder, ['contact.proto', 'contact/v1/contact.proto', 'contact/v1/task.proto']);
  });

  afterEach(async () => {
    await program?.stop('SIGKILL');
    await closeScene();
  });

  after(() => {
    if (folder) rmSync(folder, { recursive: true, force: true });
  });

  for (const [kind, count] of Object.entries(COUNTS)) {
    const hold = async () => {
      const scene = await startScene({ pingIntervalMs: 150, resumeWindowMs: 50 });
      const clients = connect(scene);
      await enqueueMany(clients, count, { queue: 'default' });
      program = startProgram(python, ['-u', HOLDER, scene.address, kind], {
        folder,
        environment: { PYTHONPATH: folder },
      });
      const [, pid] = await program.waitForLine(new RegExp(`^holds ${count} as (\\d+)$`));
      return { other: await openWorker(clients, { queues: ['default'] }), pid: Number(pid) };
    };

    it(`loses no task of the ${kind} contract when it is killed`, async () => {
      const { other } = await hold();
      await program.stop('SIGKILL');
      const tasks = await other.receive(count);
      assert.ok(tasks.every(({ delivery }) => delivery === 2));
    });

    it(`loses no task of the ${kind} contract when it is frozen, and is told so when it thaws`, async () => {
      const { other, pid } = await hold();
      process.kill(pid, 'SIGSTOP');
      assert.equal((await other.receive(count)).length, count);
      process.kill(pid, 'SIGCONT');
      await program.waitForLine(/^ended UNAVAILABLE$/);
      await program.succeed();
    });
  }
});
