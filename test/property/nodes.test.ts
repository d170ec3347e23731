import fc from 'fast-check';
import { openStore } from '../../server/store/open.ts';
import type { Store } from '../../server/store/store.ts';
import { shareStore } from '../model/nodes.ts';
import { createModelStore } from '../model/store.ts';
import { createFakeClock } from '../scene/clock.ts';
import { isFull } from '../scene/full.ts';
import { createAccounts } from './accounts.ts';
import { type Act, pass, runs, type World } from './acts.ts';
import { createAwaiting } from './awaiting.ts';
import { checkEnd, checkInvariants, restAll } from './invariants.ts';
import { createBareServer } from './server.ts';
import { createWorkers } from './workers.ts';

/** A thorough run takes twenty times as many. */
const scale = isFull ? 20 : 1;

const NODES = 2;

/** Between two looks at the store; less than a window, as it is in a server. */
const POLL_MS = 600;

/** What becomes of a signal on its way to another node. */
type Fate = 'now' | 'late' | 'lost' | 'twice';

/** Acts, each at one of the nodes, and then maybe the time that every node needs to hear of them. */
interface Round {
  readonly acts: readonly Act[];
  readonly nodes: readonly number[];
  readonly fates: readonly Fate[];
  readonly isCalm: boolean;
}

const rounds: fc.Arbitrary<Round[]> = runs.chain((run) =>
  fc.tuple(
    ...run.map(({ acts }) =>
      fc.record({
        acts: fc.constant(acts),
        nodes: fc.array(fc.nat({ max: NODES - 1 }), { minLength: 5, maxLength: 5 }),
        fates: fc.array(fc.constantFrom<Fate>('now', 'now', 'late', 'lost', 'twice'), { minLength: 1, maxLength: 7 }),
        isCalm: fc.nat({ max: 2 }).map((n) => n === 0),
      }),
    ),
  ),
);

async function live(run: readonly Round[], open: () => Promise<Store>): Promise<void> {
  const clock = createFakeClock();
  const store = await open();
  const shared = shareStore(store, NODES);
  const servers = [];
  for (const [at, one] of shared.stores.entries()) {
    servers.push(
      await createBareServer(async () => one, createChance(), { clock, node: `node-${at}`, pollMs: POLL_MS }),
    );
  }
  const [first] = servers;
  const accounts = createAccounts();
  const world: World = { server: first!, servers, accounts, workers: createWorkers(first!, accounts), tasks: [] };
  const awaiting = createAwaiting(servers);
  const late: (() => void)[] = [];

  async function settleDown(): Promise<void> {
    await restAll(world);
    world.workers.attend();
    await restAll(world);
  }

  /** What is late arrives, what is lost is looked for. */
  async function calm(): Promise<void> {
    shared.disturb = undefined;
    for (const arrive of late.splice(0)) arrive();
    await pass(world, 2 * POLL_MS);
    await settleDown();
  }

  try {
    for (const { acts, nodes, fates, isCalm } of run) {
      let told = 0;
      shared.disturb = (arrive) => {
        const fate = fates[told++ % fates.length]!;
        if (fate === 'late' || fate === 'twice') late.push(arrive);
        if (fate === 'now' || fate === 'twice') arrive();
      };
      for (const [index, act] of acts.entries()) await act.run({ ...world, server: servers[nodes[index]!]! });
      await awaiting.listen(world.tasks);
      await settleDown();
      if (isCalm) await calm();
      await checkInvariants(world, isCalm);
      if (isCalm) await awaiting.check(store);
    }
    await calm();
    await checkEnd(world, pass);
    await awaiting.check(store);
  } finally {
    for (const server of servers) await server.close();
    await store.close();
  }
}

/** Numbers that differ and are the same in each run. */
function createChance(): () => number {
  let drawn = 0;
  return () => {
    drawn = (drawn + 7) % 10;
    return drawn / 10;
  };
}

describe('two nodes over one store', function () {
  this.timeout(120_000 * scale);

  it('keep their promises whatever becomes of the signals between them', async () => {
    await fc.assert(
      fc.asyncProperty(rounds, (run) => live(run, async () => createModelStore())),
      { numRuns: 40 * scale },
    );
  });

  it('keep them on SQLite', async () => {
    await fc.assert(
      fc.asyncProperty(rounds, (run) => live(run, () => openStore('memory:', { node: 'n' }))),
      { numRuns: 40 * scale },
    );
  });
});
