import type { Command } from 'commander';
import type { Admin } from '../../../client/index.ts';
import type { Queue } from '../../../gen/contact/v1/admin_service_pb.ts';
import { ContactError } from '../../../shared/errors.ts';
import { withAdmin } from '../../admin.ts';
import { formatAge } from '../../age.ts';
import type { CommandContext } from '../../context.ts';
import { queueToJson } from '../../queue.ts';
import { renderPairs } from '../../table.ts';
import { addTargetOptions, type TargetOptions } from '../../target.ts';
import { describeCounts } from '../../task.ts';
import { describeWaiting } from '../../waiting.ts';
import { describeRetention } from './retain.ts';

export function addShowCommand(queues: Command, context: CommandContext): void {
  const command = queues
    .command('show <queue>')
    .description('show one queue, and why what is ready there does not run')
    .option('--json', 'as a JSON object')
    .action((queue: string, options: TargetOptions) => showQueue(queue, options, context))
    .addHelpText('after', '\nExample:\n  contact queues show sums');
  addTargetOptions(command);
}

async function showQueue(name: string, options: TargetOptions, context: CommandContext): Promise<void> {
  await withAdmin(options, context, async (admin) => {
    const queue = await findQueue(admin, name);
    if (options.json) await context.out.writeJson(queueToJson(queue));
    else await context.out.write(renderPairs(queueToPairs(queue, Date.now())));
  });
}

async function findQueue(admin: Admin, name: string): Promise<Queue> {
  for await (const queue of admin.listAllQueues()) {
    if (queue.name === name) return queue;
    // They come by name.
    if (queue.name > name) break;
  }
  throw new ContactError('NOT_FOUND', `no queue "${name}"; it has no tasks, no workers and no settings`);
}

function queueToPairs(queue: Queue, now: number): [string, string][] {
  const { ready, scheduled, running, succeeded, failed, cancelled, expired, limits } = queue;
  const settled = describeCounts({ succeeded, failed, cancelled, expired });
  return [
    ['queue', queue.name],
    ['state', queue.paused ? 'paused' : 'open'],
    ['waiting', String(ready)],
    ['waiting for', describeWaiting(queue.waiting)],
    ['scheduled', String(scheduled)],
    ['running', `${running}${limits && limits.maxRunning > 0 ? ` of at most ${limits.maxRunning}` : ''}`],
    ['may wait', limits && limits.maxWaiting > 0 ? String(limits.maxWaiting) : ''],
    ['settled', settled],
    ['workers', String(queue.workers)],
    ['unroutable', queue.unroutable > 0 ? String(queue.unroutable) : ''],
    ['kept', describeRetention(queue)],
    ...queue.oldest.map(({ priority, oldestCreatedAt }): [string, string] => [
      `oldest of priority ${priority}`,
      formatAge(oldestCreatedAt, now),
    ]),
  ];
}
