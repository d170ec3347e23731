import assert from 'node:assert/strict';
import { join } from 'node:path';
import { setTimeout as sleep } from 'node:timers/promises';
import { before, describe, it } from 'mocha';
import { createAdmin, createProducer, newTaskId } from '../../client/index.ts';
import { openStore } from '../../server/store/open.ts';
import type { ContactError } from '../../shared/errors.ts';
import { cleanUpProcesses } from '../scene/process.ts';
import { skipLoudly } from '../scene/skip.ts';
import { createTask } from '../scene/tasks.ts';
import { until } from '../scene/until.ts';
import { checkAccount } from './account.ts';
import type { Chance } from './chance.ts';
import type { Figures } from './figuretable.ts';
import { createJobWorker } from './jobworker.ts';
import { checkLedger, soundBalance } from './ledger.ts';
import { createRig, type Rig } from './rig.ts';
import { itSurvives, itSurvivesAtDefaults, type Setting } from './rounds.ts';
import { cleanUpDisks, createDisk, whyNoDisk } from './tmpfs.ts';

const MIB = 1 << 20;
const TASKS = 2_000;
/** Worked off in a second and a half: the server looks at the disk once a second. */
const TAKEN = 75;
const BACKOFF = { backoff: { baseMs: 10, capMs: 100 } };

/** What the server says to one more task, at once. */
async function tryEnqueue(server: string): Promise<ContactError | undefined> {
  const producer = createProducer({ server, patienceMs: 0 });
  try {
    await producer.enqueue('refused', 'x');
    return undefined;
  } catch (error) {
    return error as ContactError;
  } finally {
    await producer.close();
  }
}

describe('a disk', () => {
  cleanUpProcesses();
  cleanUpDisks();
  before(function () {
    const reason = whyNoDisk();
    if (reason !== undefined) skipLoudly(this, reason);
  });

  async function countAccepted(rig: Rig, queue: string): Promise<number> {
    return (await rig.ledger(queue)).accepted.length;
  }

  it('with little room: tasks are refused with advice, results go on, and then tasks too', async function () {
    this.timeout(30_000);
    const disk = createDisk(64 * MIB);
    const rig = await createRig({ storeFolder: disk.folder, serverArgs: ['--min-free', String(8 * MIB)] });
    const [now, later] = ['now', 'later'].map((queue) =>
      createJobWorker(rig.workerOrder({ queue, concurrency: 10, ...BACKOFF })),
    );
    await rig.enqueue(Array(TAKEN).fill(200), { queue: 'now' });
    disk.leaveFree(6 * MIB);
    const refusal = await until(() => tryEnqueue(rig.address));
    const before = await countAccepted(rig, 'now');
    assert.equal(refusal.code, 'RESOURCE_EXHAUSTED');
    assert.ok((refusal.retryAfterMs ?? 0) > 0, 'says when to come again');
    const patient = rig.enqueue(Array(100).fill(0), { queue: 'later' });
    await rig.observe(TAKEN, { queue: 'now' });
    assert.ok(before < TAKEN, 'results came while tasks were refused');
    assert.equal((await tryEnqueue(rig.address))?.code, 'RESOURCE_EXHAUSTED');
    console.log(
      `    ${refusal.message}, come again in ${refusal.retryAfterMs} ms; ${TAKEN - before} results after that`,
    );
    disk.leaveFree(32 * MIB);
    await patient;
    await rig.observe(100, { queue: 'later' });
    assert.deepEqual(checkLedger(await rig.ledger('now')), soundBalance(TAKEN));
    assert.deepEqual(checkLedger(await rig.ledger('later')), soundBalance(100));
    await Promise.all([now?.drain(), later?.drain()]);
    await rig.stop();
  });

  /** The disk fills up while tasks are enqueued and worked off, and has room again after a while. */
  async function fill({ serverArgs }: Setting, chance: Chance): Promise<Figures> {
    const isKilled = chance.next() < 0.5;
    const freeBytes = chance.between(128 << 10, 384 << 10);
    const disk = createDisk(8 * MIB);
    const rig = await createRig({ storeFolder: disk.folder, serverArgs: ['--min-free', '0', ...serverArgs] });
    const worker = createJobWorker(rig.workerOrder({ concurrency: 20, ...BACKOFF }));
    await worker.connected();
    disk.leaveFree(freeBytes);
    const producer = rig.startProducer({ count: TASKS, slowEvery: 10, slowMs: [1, 100] });
    await producer.waitFor(/takes no more for now: .*disk is full/, 'stderr');
    const late = createJobWorker(rig.workerOrder({ name: 'late', concurrency: 5, ...BACKOFF }));
    const admin = createAdmin({ server: rig.address });
    const { tasks } = await admin.listTasks({}, { pageSize: 500 });
    assert.ok(tasks.length > 0, 'it answers');
    await admin.close();
    const ms = chance.between(0, 500);
    await sleep(ms);
    assert.equal(rig.server.child.exitCode, null, rig.server.stderr);
    if (isKilled) await rig.server.kill();
    disk.leaveFree(64 * MIB);
    if (isKilled) await rig.restart('SIGKILL');
    assert.equal((await producer.ended).code, 0);
    await rig.observe(TASKS);
    await late.connected();
    await Promise.all([worker.drain(), late.drain()]);
    const end = isKilled ? ', then the server was killed' : '';
    console.log(`    full after ${freeBytes >> 10} KiB, for ${ms} ms${end}`);
    const figures = await checkAccount(rig, TASKS);
    await rig.stop();
    return figures;
  }

  const fault = 'disk full';
  itSurvives('that is full loses nothing and does nothing twice', { fault, timeoutMs: 60_000, sideBySide: 2 }, fill);
  itSurvivesAtDefaults({ [fault]: fill });

  it('that is full when the index of the log has to grow: refuses, and goes on with room', async function () {
    this.timeout(120_000);
    const disk = createDisk(16_800 << 10);
    const url = `sqlite:${join(disk.folder, 'contact.db')}`;
    const failures: unknown[] = [];
    const store = await openStore(url, { node: 'n', minFreeBytes: 0, onFatal: (error) => failures.push(error) });
    const batch = Array.from({ length: 400 }, () => createTask({ payload: Buffer.alloc(3_000, 'x') }));
    // A log of more than 4,062 pages needs a second piece of index: the tenth batch of some 420 pages gets there at
    // once, where a checkpoint would have come before. It has most of the room that it needs, and is given a little
    // more until it fits; by then both kinds of refusal have come.
    const refusals: string[] = [];
    for (let batches = 0; batches < 11 && failures.length === 0; ) {
      try {
        await store.insertTasks(
          batch.map((task) => ({ ...task, id: newTaskId() })),
          0,
        );
        batches += 1;
        if (batches === 9) disk.leaveFree(1_200 << 10);
      } catch (error) {
        const { code, cause } = error as ContactError;
        refusals.push(`${code}: ${(cause as Error).message}`);
        disk.leaveFree(batches < 9 ? 256 << 10 : batches === 9 ? 24 << 10 : 64 * MIB);
      }
    }
    const kinds = [...new Set(refusals)];
    console.log(`    ${refusals.length} times ${kinds.join(' and ')}`);
    assert.deepEqual(failures, []);
    assert.deepEqual(kinds, ['RESOURCE_EXHAUSTED: database or disk is full', 'RESOURCE_EXHAUSTED: disk I/O error']);
    disk.leaveFree(64 * MIB);
    await store.close();
    const again = await openStore(url, { node: 'n', minFreeBytes: 0 });
    assert.equal((await again.countQueues())[0]!.ready, 11 * 400);
    await again.close();
  });
});
