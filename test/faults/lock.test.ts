import assert from 'node:assert/strict';
import { join } from 'node:path';
import { DatabaseSync } from 'node:sqlite';
import { setTimeout as sleep } from 'node:timers/promises';
import { describe } from 'mocha';
import { createAdmin, createProducer, createWorker } from '../../client/index.ts';
import { createFolder } from '../scene/folder.ts';
import { isFull } from '../scene/full.ts';
import { cleanUpProcesses } from '../scene/process.ts';
import { until } from '../scene/until.ts';
import { checkAccount } from './account.ts';
import type { Chance } from './chance.ts';
import type { Figures } from './figuretable.ts';
import { createJobWorker } from './jobworker.ts';
import { createRig } from './rig.ts';
import { itSurvives, itSurvivesAtDefaults, type Setting, scaled } from './rounds.ts';
import { tellResult } from './tell.ts';

const TASKS = isFull ? 2_000 : 1_200;
const BACKOFF = { backoff: { baseMs: 10, capMs: 100 } };
/** A long window: nothing has to be given away. */
const SCALED = scaled(100, 5_000);

/** Another program has the file for itself, for a while, in the middle of everything. */
async function lock({ pingMs, serverArgs }: Setting, chance: Chance): Promise<Figures> {
  const storeFolder = createFolder();
  const rig = await createRig({ storeFolder, serverArgs });
  const other = new DatabaseSync(join(storeFolder, 'contact.db'), { timeout: 5_000 });
  const producer = createProducer<number>({ server: rig.address, patienceMs: 0 });
  const admin = createAdmin({ server: rig.address });
  const worker = createJobWorker(rig.workerOrder({ concurrency: 20, ...BACKOFF }));
  const endless = createWorker({
    server: rig.address,
    queues: ['endless'],
    handler: (_payload, { signal }) => new Promise((resolve) => signal.addEventListener('abort', resolve)),
  });
  const { id: endlessId } = await producer.enqueue('endless', 0);
  await until(async () => ((await admin.describeTask(endlessId)).clientId === '' ? undefined : true));
  await worker.connected();
  const enqueuing = rig.startProducer({ count: TASKS, slowEvery: 10, slowMs: [1, 100] });
  const acknowledged = 100 * chance.between(1, TASKS / 100 - 5);
  await enqueuing.waitFor(new RegExp(`^acknowledged ${acknowledged}$`, 'm'), 'stdout');

  other.exec('BEGIN IMMEDIATE');
  const lockedAt = performance.now();
  const late = createJobWorker(rig.workerOrder({ name: 'late', concurrency: 5, ...BACKOFF }));
  await assert.rejects(producer.enqueue('endless', 1), { code: 'UNAVAILABLE', retryAfterMs: 100 });
  assert.equal(await tellResult(rig.address, endlessId, 1), 'RETRY_LATER');
  assert.equal((await admin.describeTask(endlessId)).delivery, 1, 'reading goes on');
  const before = (await rig.ledger()).accepted.length;
  // Longer than three ping intervals: nobody who lives is taken for dead.
  await sleep(chance.between(3.5 * pingMs, 8 * pingMs));
  assert.equal((await rig.ledger()).accepted.length, before, 'nothing is written');
  other.exec('ROLLBACK');
  const lockedMs = performance.now() - lockedAt;

  assert.equal((await enqueuing.ended).code, 0);
  await rig.observe(TASKS);
  await late.connected();
  assert.equal(await tellResult(rig.address, endlessId, 1), 'STORED');
  await Promise.all([worker.drain(), late.drain(), endless.stop(), producer.close(), admin.close()]);
  other.close();
  console.log(`    locked at ${acknowledged} acknowledged, for ${lockedMs.toFixed()} ms`);
  const figures = await checkAccount(rig, TASKS);
  assert.equal((await rig.server.stop('SIGTERM')).code, 0);
  await rig.stop();
  return figures;
}

describe('a file that another program locks', () => {
  cleanUpProcesses();

  const fault = 'file locked by another program';
  itSurvives('delays everything and loses nothing', { fault, setting: SCALED, sideBySide: 2 }, lock);
  itSurvivesAtDefaults({ [fault]: lock });
});
