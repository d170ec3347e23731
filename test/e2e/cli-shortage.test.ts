import assert from 'node:assert/strict';
import { execFileSync, spawnSync } from 'node:child_process';
import { readdirSync } from 'node:fs';
import { after, before, describe, it } from 'mocha';
import { type Admin, TaskState } from '../../client/index.ts';
import { createScene, type Scene } from '../scene/commandline.ts';
import { cleanUpProcesses, startContact, type TestProcess } from '../scene/process.ts';
import { skipLoudly } from '../scene/skip.ts';
import { until } from '../scene/until.ts';

describe('contact work on a machine that is short of descriptors', function () {
  this.timeout(120_000);
  let scene: Scene;
  let admin: Admin;

  before(async function () {
    if (spawnSync('prlimit', ['--version']).status !== 0) skipLoudly(this, 'prlimit is not installed');
    scene = await createScene();
    admin = scene.admin;
  });
  after(() => scene?.close());
  cleanUpProcesses();

  async function startWorker(id: string, ...flags: string[]): Promise<TestProcess> {
    const worker = startContact(['work', 'sums', '--server', scene.address, '--id', id, ...flags, '--', 'cat']);
    await worker.waitFor(/connected to/);
    return worker;
  }

  async function clientOf(id: string): Promise<{ maxInFlight: number; status: string; running: number }> {
    for await (const client of admin.listAllClients()) if (client.id === id) return client;
    throw new Error(`no client ${id}`);
  }

  function setLimit(pid: number, soft: number | string): void {
    execFileSync('prlimit', ['--pid', String(pid), `--nofile=${soft}:`]);
  }

  it('burns no attempt, leaves the tasks to others, says why, and recovers', async () => {
    const sick = await startWorker('sick', '--concurrency', '4');
    const usual = execFileSync('prlimit', ['--pid', String(sick.pid), '--nofile', '--output', 'SOFT', '--noheadings']);
    setLimit(sick.pid, readdirSync(`/proc/${sick.pid}/fd`).length);

    const payloads = Array.from({ length: 30 }, (_, n) => `task ${n}`);
    const tasks = await Promise.all(
      payloads.map((payload) => scene.producer.enqueue('sums', payload, { maxAttempts: 1 })),
    );
    await sick.waitFor(/cannot start cat: EMFILE; the task is given back/);
    await until(async () => (await clientOf('sick')).maxInFlight === 0);
    const { status, running } = await clientOf('sick');
    assert.deepEqual([status, running], ['cannot start cat: EMFILE', 0]);

    const healthy = await startWorker('healthy');
    for (const { id } of tasks) {
      await until(async () => (await admin.describeTask(id)).settledAt !== undefined);
      const { state, attempt, clientId } = await admin.describeTask(id);
      assert.deepEqual([state, attempt, clientId], [TaskState.SUCCEEDED, 1, 'healthy']);
    }

    setLimit(sick.pid, String(usual).trim());
    const back = await scene.producer.call('sums', 'again', { maxAttempts: 1, clientId: 'sick' });
    assert.equal(back, 'again');
    await until(async () => {
      const client = await clientOf('sick');
      return client.maxInFlight === 4 && client.status === '';
    });
    for (const worker of [sick, healthy]) assert.equal((await worker.stop()).code, 0, worker.stderr);
  });
});
