import { join } from 'node:path';
import { monitorEventLoopDelay } from 'node:perf_hooks';
import { parseArgs } from 'node:util';
import { openStore } from '../../server/store/open.ts';
import type { Store } from '../../server/store/store.ts';
import { withDataFolder } from '../folder.ts';
import { log } from '../log.ts';
import { fillStore, QUEUES } from './fill.ts';

// How long an operator's questions take of a store with many settled tasks, and for how long they hold others up:
// `node bench/questions/main.ts --tasks 1000000 --failed 10`.

const HOUR_MS = 3_600_000;

const { values } = parseArgs({
  options: {
    tasks: { type: 'string', default: '1000000' },
    /** Of a hundred. */
    failed: { type: 'string', default: '10' },
    times: { type: 'string', default: '7' },
    out: { type: 'string', default: 'bench/out' },
  },
});
const [tasks, failed, times] = [values.tasks, values.failed, values.times].map(Number) as [number, number, number];

/** By their words; the tasks were settled within the last ten hours. */
function questionsOf(store: Store, now: number): Readonly<Record<string, () => Promise<unknown>>> {
  const hourAgo = now - HOUR_MS;
  return {
    failures: () => store.listFailures({ by: 'error' }, 20),
    'failures --since 1h': () => store.listFailures({ by: 'error', since: hourAgo }, 20),
    'failures --by client': () => store.listFailures({ by: 'client' }, 20),
    'failures --by client, of one queue': () => store.listFailures({ by: 'client' }, 20, { queues: [QUEUES[0]!] }),
    'failures --by queue': () => store.listFailures({ by: 'queue' }, 20),
    'tasks list --state failed --error E7 --settled-after 1h': () =>
      store.listTasks({ states: ['failed'], errorCodes: ['E7'], settledAfter: hourAgo }, null, 100),
    'tasks list --running-for 5m': () => store.listTasks({ claimedBefore: now - 300_000 }, null, 100),
    'tasks list --count --state failed': () => store.countTasks({ states: ['failed'] }),
    'tasks list --count --error E7 --settled-after 1h': () =>
      store.countTasks({ errorCodes: ['E7'], settledAfter: hourAgo }),
    'tasks list --count --error E7': () => store.countTasks({ errorCodes: ['E7'] }),
    'tasks list --client client-7': () => store.listTasks({ clientIds: ['client-7'] }, null, 100),
  };
}

await withDataFolder(values.out, async (folder) => {
  const path = join(folder, 'contact.db');
  const now = Date.now();
  log(`filling ${tasks} tasks`);
  await fillStore(path, { count: tasks, failedPercent: failed, overMs: 10 * HOUR_MS, now });
  const store = await openStore(`sqlite:${path}`, { node: 'bench' });
  console.log(`${tasks} settled tasks, ${failed} % of them failed; ${times} times each, after one`);
  console.log('| question | median ms | most ms | CPU ms | held others up, at most ms |\n|---|---|---|---|---|');
  for (const [words, ask] of Object.entries(questionsOf(store, now))) {
    await ask();
    const took: number[] = [];
    const cpu = process.cpuUsage();
    const delay = monitorEventLoopDelay({ resolution: 1 });
    delay.enable();
    for (let time = 0; time < times; time++) {
      const startedAt = performance.now();
      await ask();
      took.push(performance.now() - startedAt);
    }
    delay.disable();
    const { user, system } = process.cpuUsage(cpu);
    took.sort((a, b) => a - b);
    const figures = [took[times >> 1]!, took.at(-1)!, (user + system) / 1_000 / times, delay.max / 1e6];
    console.log(`| ${words} | ${figures.map((ms) => ms.toFixed(1)).join(' | ')} |`);
  }
  await store.close();
});
