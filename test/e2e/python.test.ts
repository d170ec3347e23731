import assert from 'node:assert/strict';
import { rmSync } from 'node:fs';
import { join } from 'node:path';
import { ROOT } from '../../scripts/tool.ts';
import { connect, enqueueMany } from '../scene/clients.ts';
import { closeScene } from '../scene/end.ts';
import { createFolder } from '../scene/folder.ts';
import { cleanUpProcesses } from '../scene/process.ts';
import { type Program, startProgram } from '../scene/program.ts';
import { findPython, generateStubs, PYTHON_NEEDS } from '../scene/python.ts';
import { isInstalled, PROXY_KINDS, type RealProxy, startRealProxy } from '../scene/realproxies.ts';
import { type Scene, startScene } from '../scene/server.ts';
import { skipLoudly } from '../scene/skip.ts';
import { openWorker } from '../scene/worker.ts';

const HOLDER = join(ROOT, 'test', 'python', 'holder.py');
/** What each kind may hold: all of its credit, so that nothing comes to it again. */
const COUNTS = { classic: 1, v1: 10 };

describe('a worker in Python that is lost', function () {
  this.timeout(120_000);
  cleanUpProcesses();
  let python: string;
  let folder: string;
  let program: Program;
  let middle: RealProxy | undefined;

  before(function () {
    const found = findPython();
    if (found === undefined) {
      console.warn(`    SKIPPED: ${PYTHON_NEEDS}`);
      return this.skip();
    }
    python = found;
    folder = createFolder();
    generateStubs(folder, ['contact.proto', 'contact/v1/contact.proto', 'contact/v1/task.proto']);
  });

  afterEach(async () => {
    await program?.stop('SIGKILL');
    await middle?.stop();
    middle = undefined;
    await closeScene();
  });

  after(() => {
    if (folder) rmSync(folder, { recursive: true, force: true });
  });

  for (const [kind, count] of Object.entries(COUNTS)) {
    const hold = async (task = {}, reach = async ({ address }: Scene) => address) => {
      const scene = await startScene({ pingIntervalMs: 150, resumeWindowMs: 50 });
      const clients = connect(scene);
      await enqueueMany(clients, count, { queue: 'default', ...task });
      program = startProgram(python, ['-u', HOLDER, await reach(scene), kind], {
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

    for (const proxy of PROXY_KINDS.filter(({ title }) => title !== 'haproxy with TCP')) {
      it(`loses no task of the ${kind} contract that has a timeout when it is frozen behind ${proxy.title}`, async function () {
        if (!isInstalled(proxy)) skipLoudly(this, `${proxy.program} is not installed`);
        const through = async ({ address }: Scene) => {
          middle = await startRealProxy(proxy, address);
          return middle.address;
        };
        const { other, pid } = await hold({ timeoutMs: 3_000, backoff: { baseMs: 1 } }, through);
        process.kill(pid, 'SIGSTOP');
        const tasks = await other.receive(count);
        assert.ok(tasks.every(({ attempt }) => attempt === 2));
      });
    }
  }
});
