import assert from 'node:assert/strict';
import { status } from '@grpc/grpc-js';
import { afterEach, describe } from 'mocha';
import { ContactService } from '../../gen/index.ts';
import { methodPath } from '../../shared/grpc.ts';
import { newTaskId } from '../../shared/ids.ts';
import { type Clients, connect } from '../scene/clients.ts';
import { closeScene } from '../scene/end.ts';
import { isFull as isWhole } from '../scene/full.ts';
import { cleanUpProcesses } from '../scene/process.ts';
import { until } from '../scene/until.ts';
import {
  closeOf,
  codeOf,
  nameOf,
  openWorker,
  type RawWorker,
  type StatusInit,
  statusOf,
  tell,
  writeIdentity,
} from '../scene/worker.ts';
import { checkAccount } from './account.ts';
import { rightAnswers } from './answers.ts';
import type { Chance } from './chance.ts';
import type { Figures } from './figuretable.ts';
import { createJobWorker } from './jobworker.ts';
import type { Run } from './journal.ts';
import { createRig } from './rig.ts';
import { itSurvives, itSurvivesAtDefaults, type Setting, scaled } from './rounds.ts';

const TASKS = isWhole ? 1_000 : 600;
const RUDE = 3;
const SCALED = scaled(60, 200);
const GARBAGE = { result: Buffer.from('{"answer":'), contentType: 'application/json' };

type Deed = (worker: RawWorker, scene: Misdeeds) => Promise<void>;

interface Misdeeds {
  readonly setting: Setting;
  readonly clients: Clients;
  readonly chance: Chance;
  /** What honest workers have begun. */
  readonly runs: () => readonly Run[];
  /** Counts what came of it. */
  readonly note: (...what: string[]) => void;
}

/** The outcomes, or none when its session has ended meanwhile. */
async function report(worker: RawWorker, request: StatusInit, count: number): Promise<string[]> {
  const from = worker.outcomes.length;
  let isOver = false;
  void worker.statusEnded.then(() => {
    isOver = true;
  });
  worker.send(request);
  await until(() => worker.outcomes.length >= from + count || isOver);
  return worker.outcomes.slice(from, from + count).map(codeOf);
}

/** Each by a worker that has some tasks, or none. */
const DEEDS: Readonly<Record<string, Deed>> = {
  async answersTwice(worker, { clients, note }) {
    const succeeded = rightAnswers(worker.tasks);
    const told = await report(worker, { succeeded: [...succeeded, ...succeeded] }, 2 * succeeded.length);
    const again = await tell(clients, worker.clientId, { succeeded });
    const more = told.length === 0 ? [] : [...told.slice(succeeded.length), ...again];
    assert.ok(!more.includes('STORED'), 'once is enough');
    note(...told, ...again);
  },
  async answersLate(worker, { setting, clients, chance, note }) {
    await worker.cancel();
    const until = performance.now() + chance.between(0, 3 * setting.windowMs);
    while (performance.now() < until) await new Promise((resolve) => setTimeout(resolve, 10));
    note(...(await tell(clients, worker.clientId, { succeeded: rightAnswers(worker.tasks) })));
  },
  async answersForOthers(worker, { clients, chance, runs, note }) {
    const others = runs();
    if (others.length === 0) return;
    const victims = Array.from({ length: 20 }, () => others[chance.between(0, others.length - 1)] as Run);
    const succeeded = victims.map(({ id, delivery }) => ({
      taskId: id,
      // Of a delivery that was another's, or is yet to come.
      delivery: chance.next() < 0.5 && delivery > 1 ? delivery - 1 : delivery + chance.between(1, 3),
      ...GARBAGE,
    }));
    const told = await tell(clients, worker.clientId, { succeeded });
    assert.ok(!told.includes('STORED'), 'nobody else can settle it');
    note(...told);
  },
  async answersWhatNobodyAsked(worker, { note }) {
    const succeeded = [{ taskId: newTaskId(), delivery: 1, ...GARBAGE }];
    note(...(await report(worker, { succeeded }, 1)));
  },
  async givesBackTwice(worker, { note }) {
    const released = worker.tasks.map(nameOf);
    note(...(await report(worker, { released: [...released, ...released] }, 2 * released.length)));
  },
  async saysNonsense(worker, { note }) {
    worker.send({ succeeded: [{ taskId: 'nonsense', delivery: 0 }], failed: [{ taskId: '', delivery: 7 }] });
    note(`nonsense ${status[(await worker.statusEnded).code]}`);
    await worker.ended;
  },
  /** By one without a status stream of its own. */
  async sendsBytes(worker, { clients, chance, note }) {
    const same = (data: Uint8Array): Buffer => Buffer.from(data);
    const path = methodPath(ContactService.method.sendStatus);
    const stream = clients.contact.makeBidiStreamRequest(
      path,
      same,
      same,
      writeIdentity(worker.clientId, worker.sessionId),
    );
    const ended = statusOf(stream);
    stream.on('data', () => undefined);
    stream.write(Buffer.from(Array.from({ length: 200 }, () => chance.between(0, 255))));
    note(`bytes ${status[(await ended).code]}`);
    await worker.ended;
  },
  async isSilent(worker, { note }) {
    note(closeOf(await worker.ended));
  },
};

async function misbehave(scene: Misdeeds, queue: string, isOver: () => boolean): Promise<void> {
  const deeds = Object.values(DEEDS);
  while (!isOver()) {
    const deed = deeds[scene.chance.between(0, deeds.length - 1)] as Deed;
    const isFull = deed !== DEEDS.sendsBytes;
    const givesReceipts = isFull && deed !== DEEDS.isSilent && scene.chance.next() < 0.5;
    const worker = await openWorker(scene.clients, { queues: [queue], maxInFlight: 5, isFull, givesReceipts });
    await until(() => worker.tasks.length > 0 || isOver());
    await deed(worker, scene);
    worker.taskStream.cancel();
  }
}

describe('workers that misbehave', () => {
  cleanUpProcesses();
  afterEach(closeScene);

  async function runRound(setting: Setting, chance: Chance): Promise<Figures> {
    const rig = await createRig({ serverArgs: setting.serverArgs });
    const queue = 'misdeeds';
    const clients = connect(rig);
    const honest = ['h0', 'h1'].map((name) => createJobWorker(rig.workerOrder({ queue, name, concurrency: 10 })));
    const tally: Record<string, number> = {};
    let isOver = false;
    const scene: Misdeeds = {
      setting,
      clients,
      chance,
      runs: () => rig.journal(queue).filter((entry): entry is Run => entry.kind === 'began'),
      note: (...what) => {
        for (const one of what) tally[one] = (tally[one] ?? 0) + 1;
      },
    };
    const rude = Array.from({ length: RUDE }, () => misbehave(scene, queue, () => isOver));
    await rig.enqueue(
      Array.from({ length: TASKS }, () => chance.between(1, 40)),
      { queue },
    );
    await rig.observe(TASKS, { queue });
    isOver = true;
    await Promise.all(rude);
    await Promise.all(honest.map((worker) => worker.drain()));
    console.log(`    ${JSON.stringify(tally)}`);
    const figures = await checkAccount(rig, TASKS, { queue });
    clients.channel.close();
    assert.equal((await rig.server.stop('SIGTERM')).code, 0);
    await rig.stop();
    return figures;
  }

  const fault = 'workers that misbehave';
  const title = 'never receipt, answer twice, late, for others, and nonsense: tasks are done all the same';
  itSurvives(title, { fault, setting: SCALED, timeoutMs: 30_000, sideBySide: 2 }, runRound);
  itSurvivesAtDefaults({ [fault]: runRound });
});
