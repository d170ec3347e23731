import { rmSync } from 'node:fs';
import { join } from 'node:path';
import fc from 'fast-check';
import { openStore } from '../../server/store/open.ts';
import type { Store } from '../../server/store/store.ts';
import { createModelStore } from '../model/store.ts';
import { createFolder } from '../scene/folder.ts';
import { isFull } from '../scene/full.ts';
import { createAccounts } from './accounts.ts';
import { pass, runs, type World } from './acts.ts';
import { checkEnd, checkInvariants } from './invariants.ts';
import { createBareServer } from './server.ts';
import { createWorkers } from './workers.ts';

/** A thorough run takes twenty times as many. */
const scale = isFull ? 20 : 1;

type Run = typeof runs extends fc.Arbitrary<infer T> ? T : never;

async function live(run: Run, open: () => Promise<Store>, mayRestart: boolean): Promise<void> {
  const server = await createBareServer(open, createChance());
  const accounts = createAccounts();
  const world: World = { server, servers: [server], accounts, workers: createWorkers(server, accounts), tasks: [] };
  try {
    for (const { acts, isRestart } of run) {
      if (mayRestart && isRestart) {
        await restart(world);
      }
      for (const act of acts) await act.run(world);
      await server.rest();
      world.workers.attend();
      await server.rest();
      await checkInvariants(world);
    }
    await checkEnd(world, pass);
  } finally {
    await server.close();
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

/** Nobody remembers what has begun: whatever runs may have. */
async function restart({ server, accounts }: World): Promise<void> {
  for (const { id, delivery } of await server.store.listTasks({ states: ['running'] }, null, 500)) {
    accounts.begun.set(id, (accounts.begun.get(id) ?? new Set()).add(delivery));
  }
  server.refused.clear();
  server.lagTurns = 0;
  await server.restart();
}

describe('sessions, dispatch and a store', function () {
  this.timeout(60_000 * scale);

  it('keep their promises whatever workers, operators and time do', async () => {
    await fc.assert(
      fc.asyncProperty(runs, (run) => live(run, () => openStore('memory:', { node: 'n' }), false)),
      { numRuns: 50 * scale },
    );
  });

  it('keep them on the model store', async () => {
    await fc.assert(
      fc.asyncProperty(runs, (run) => live(run, async () => createModelStore(), false)),
      { numRuns: 300 * scale },
    );
  });

  it('keep them over restarts', async () => {
    const folder = createFolder();
    let count = 0;
    await fc.assert(
      fc.asyncProperty(runs, (run) => {
        const url = `sqlite:${join(folder, `${count++}.db`)}`;
        return live(run, () => openStore(url, { node: 'n' }), true);
      }),
      { numRuns: 10 * scale },
    );
    rmSync(folder, { recursive: true });
  });
});
