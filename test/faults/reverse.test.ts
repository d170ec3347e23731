import assert from 'node:assert/strict';
import { afterEach, describe, it } from 'mocha';
import { atEnd, closeScene } from '../scene/end.ts';
import { isFull } from '../scene/full.ts';
import { cleanUpProcesses, type TestProcess } from '../scene/process.ts';
import { until } from '../scene/until.ts';
import { type Chance, createChance } from './chance.ts';
import { noteRound, UNHARMED } from './figures.ts';
import { type Account, takeAccount } from './reverse/account.ts';
import { watchGaps } from './reverse/gaps.ts';
import { checkKept, drain, untilIdle, weigh } from './reverse/leftovers.ts';
import { type Mischief, makeMischief } from './reverse/mischief.ts';
import { createScene, type Player, type Scene } from './reverse/scene.ts';

const CALLS = isFull ? 100_000 : 2_000;
const CALLEES = 4;
const CALLERS = 3;
/** What a process may keep beyond what it began with, in MiB: caches, and what a collection finds late. */
const MAX_GROWTH_MIB = 32;
/** At the least so many of the calls are answered, whatever is done. */
const ANSWERED_SHARE = 0.3;
/** Milliseconds in which all calls are to be made. */
const PATIENCE_MS = isFull ? 1_800_000 : 90_000;

interface Act {
  readonly scene: Scene;
  readonly chance: Chance;
  readonly mischief: Mischief[];
}

/** Mischief until so many calls have ended. */
async function play({ scene, chance, mischief }: Act, upTo: number, spared: ReadonlySet<Player | 'server'>) {
  const ending = new AbortController();
  const making = makeMischief({ scene, chance, spared, done: mischief, signal: ending.signal });
  try {
    const isDone = (): boolean => scene.countEnded() >= upTo;
    await Promise.race([until(`${upTo} calls have ended`, isDone, PATIENCE_MS), making]);
  } finally {
    ending.abort();
    await making;
  }
}

const nameOf = (one: TestProcess, { server, callees, callers }: Scene): string =>
  one === server ? 'server' : [...callees, ...callers].find(({ process }) => process === one)!.name;

async function weighAll(heavy: readonly TestProcess[], scene: Scene): Promise<Map<string, number>> {
  const weights = new Map<string, number>();
  for (const one of heavy) weights.set(nameOf(one, scene), await weigh(one));
  return weights;
}

function describeAccount({ calls, counts, maybe, maybeBegun, notBegun, longestBeyondMs, stored }: Account): string {
  const all = [...counts].toSorted().map(([name, count]) => `${name}: ${count}`);
  return (
    `    ${calls} calls; ${all.join(', ')}; told maybe ${maybe} (begun ${maybeBegun}), no ${notBegun}; ` +
    `at most ${longestBeyondMs.toFixed()} ms beyond a deadline; ${stored.size} kept`
  );
}

describe('live and durable calls while callees, callers, lines and the server are killed, cut and stopped', () => {
  cleanUpProcesses();
  afterEach(closeScene);

  it(`end once each, in time and right: ${CALLS} calls`, async function () {
    this.timeout(PATIENCE_MS + 60_000);
    this.slow(60_000);
    const name = 'reverse RPC under faults';
    const chance = createChance(name);
    const from = performance.now();
    const options = { seed: chance.seed, calls: CALLS, calleeCount: CALLEES, callerCount: CALLERS };
    const scene = await createScene(options);
    atEnd(() => scene.close());
    atEnd(watchGaps(scene.folder, 'test'));
    const mischief: Mischief[] = [];
    const act = { scene, chance, mischief };
    await play(act, CALLS * 0.5, new Set());
    // From now on some live as long as the test, to see what they keep.
    const { callees, callers } = scene;
    const spared = [callees[0]!, callees.at(-1)!, callers[0]!];
    const heavy = [scene.server, ...spared.map(({ process }) => process)];
    const weights = [await weighAll(heavy, scene)];
    for (const upTo of [0.75, 0.97]) {
      await play(act, CALLS * upTo, new Set([...spared, 'server']));
      weights.push(await weighAll(heavy, scene));
    }
    await scene.finishCalls();
    await untilIdle(scene);
    weights.push(await weighAll(heavy, scene));

    const killed = new Set([...callees, ...callers].flatMap((player) => player.killed));
    const account = takeAccount({ folder: scene.folder, mischief, killed });
    const seconds = (performance.now() - from) / 1_000;
    const what = Map.groupBy(mischief, (one) => one.what);
    console.log(describeAccount(account));
    console.log(`    ${[...what].map(([title, all]) => `${title} ${all.length}`).join(', ')}; ${seconds.toFixed()} s`);
    for (const [title, first] of weights[0]!) {
      const all = weights.map((weight) => weight.get(title)!);
      console.log(`    ${title}: ${all.map((mib) => mib.toFixed(1)).join(', ')} MiB`);
      assert.ok(all.at(-1)! < first + MAX_GROWTH_MIB, `${title} grew: ${all}`);
    }
    assert.deepEqual(account.wrong.slice(0, 20), []);
    const failed = await checkKept(scene, chance.seed, account.stored);
    console.log(`    ${failed} durable calls failed`);
    const answered = [...account.counts].filter(([title]) => title.endsWith(' 0'));
    const share = answered.reduce((sum, [, count]) => sum + count, 0) / account.calls;
    assert.ok(share > ANSWERED_SHARE, `${share} of the calls were answered`);
    for (const callee of callees.slice(0, -1)) await drain(callee);
    assert.equal((await scene.server.stop()).code, 0);
    noteRound(name, 'scaled', { ...UNHARMED, tasks: account.calls, executedTwice: 0 });
  });
});
