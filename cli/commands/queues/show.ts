import type { Command } from 'commander';
import type { Admin, TaskQuery } from '../../../client/index.ts';
import type { Queue } from '../../../gen/contact/v1/admin_service_pb.ts';
import type { Json } from '../../../json/plain.ts';
import { queueToJson } from '../../../json/queue.ts';
import { ContactError } from '../../../shared/errors.ts';
import { withAdmin } from '../../admin.ts';
import { formatAge } from '../../age.ts';
import type { CommandContext } from '../../context.ts';
import { clearsInMs, describePace, type Pace } from '../../pace.ts';
import { renderPairs } from '../../table.ts';
import { addTargetOptions, type TargetOptions } from '../../target.ts';
import { describeCounts } from '../../task.ts';
import { describeWaiting } from '../../waiting.ts';
import { describeRetention } from './retain.ts';

/** Long enough to count, and short enough to be of now. */
const PACE_MS = 60_000;

export function addShowCommand(queues: Command, context: CommandContext): void {
  const command = queues
    .command('show <queue>')
    .description('show one queue: why what is ready there does not run, and whether its backlog clears')
    .option('--json', 'as a JSON object')
    .action((queue: string, options: TargetOptions) => showQueue(queue, options, context))
    .addHelpText('after', '\nExample:\n  contact queues show sums');
  addTargetOptions(command);
}

async function showQueue(name: string, options: TargetOptions, context: CommandContext): Promise<void> {
  await withAdmin(options, context, async (admin) => {
    const queue = await findQueue(admin, name);
    const pace = await measurePace(admin, queue);
    if (options.json) await context.out.writeJson({ ...queueToJson(queue), ...paceToJson(queue, pace) });
    else await context.out.write(renderPairs(queueToPairs(queue, pace, Date.now())));
  });
}

/** What came and went a moment ago, counted where it is kept; undefined where the server cannot count or is not to tell. */
async function measurePace(admin: Admin, { name }: Queue): Promise<Pace | undefined> {
  const since = new Date(Date.now() - PACE_MS);
  const countAll = async (filter: TaskQuery): Promise<number> => {
    const counts = await admin.countTasks({ queues: [name], ...filter });
    return Object.values(counts).reduce((sum, count) => sum + count, 0);
  };
  try {
    const [enqueued, settled] = await Promise.all([
      countAll({ createdAfter: since }),
      countAll({ settledAfter: since }),
    ]);
    return { spanMs: PACE_MS, enqueued, settled };
  } catch (error) {
    if (error instanceof ContactError && (error.code === 'UNIMPLEMENTED' || error.code === 'PERMISSION_DENIED')) return;
    throw error;
  }
}

function paceToJson(queue: Queue, pace: Pace | undefined): Json {
  return pace ? { pace: { ...pace, clearsInMs: clearsInMs(backlogOf(queue), pace) ?? undefined } } : {};
}

/** Those that wait for a moment to come are no less to be done. */
function backlogOf({ ready, scheduled }: Queue): number {
  return ready + scheduled;
}

async function findQueue(admin: Admin, name: string): Promise<Queue> {
  for await (const queue of admin.listAllQueues()) {
    if (queue.name === name) return queue;
    // They come by name.
    if (queue.name > name) break;
  }
  throw new ContactError('NOT_FOUND', `no queue "${name}"; it has no tasks, no workers and no settings`);
}

function queueToPairs(queue: Queue, pace: Pace | undefined, now: number): [string, string][] {
  const { ready, scheduled, running, succeeded, failed, cancelled, expired, limits } = queue;
  const settled = describeCounts({ succeeded, failed, cancelled, expired });
  const [paceWords, clears] = pace ? describePace(backlogOf(queue), pace) : ['', ''];
  return [
    ['queue', queue.name],
    ['state', queue.paused ? 'paused' : 'open'],
    ['waiting', String(ready)],
    ['waiting for', describeWaiting(queue.waiting)],
    ['scheduled', String(scheduled)],
    ['running', `${running}${limits && limits.maxRunning > 0 ? ` of at most ${limits.maxRunning}` : ''}`],
    ['may wait', limits && limits.maxWaiting > 0 ? String(limits.maxWaiting) : ''],
    ['settled', settled],
    ['pace', paceWords],
    ['will clear', clears],
    ['workers', String(queue.workers)],
    ['unroutable', queue.unroutable > 0 ? String(queue.unroutable) : ''],
    ['kept', describeRetention(queue)],
    ...queue.oldest.map(({ priority, oldestCreatedAt }): [string, string] => [
      `oldest of priority ${priority}`,
      formatAge(oldestCreatedAt, now),
    ]),
  ];
}
