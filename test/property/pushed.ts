import type { ClaimedTask } from '../../server/model/task.ts';
import { type Accounts, seeRedriven } from './accounts.ts';
import type { Line } from './line.ts';

/** What is wrong with a task that comes down a line, before it is in the accounts. */
export function judgePush(accounts: Accounts, line: Line, task: ClaimedTask, now: number): string[] {
  const { id, delivery } = task;
  const wrong: string[] = [];
  const newest = accounts.newest.get(id) ?? 0;
  // A node that has not heard yet how the task went on elsewhere may push what was claimed before.
  const isLate = delivery < newest && accounts.newestAt.get(id) !== line.server;
  if (accounts.pushedTo.has(`${id} ${delivery}`)) wrong.push(`delivery ${delivery} of ${id} twice`);
  if (delivery <= newest && !isLate) wrong.push(`delivery ${delivery} of ${id} again`);
  if (!line.queues.includes(task.queue)) wrong.push(`a task of ${task.queue}, which the line does not serve`);
  if (task.lane !== '' && task.lane !== `c:${line.worker.clientId}`) wrong.push(`a task of the lane ${task.lane}`);
  if (accounts.paused.has(task.queue)) wrong.push(`a task of ${task.queue}, which is paused`);
  if (isLate) return wrong;
  // A task with a timeout may have gone on meanwhile.
  if (task.timeoutMs > 0) accounts.timed.add(id);
  const kept = accounts.timed.has(id) ? undefined : accounts.keptUntil.get(`${id} ${delivery - 1}`);
  if (kept && now < kept.until) wrong.push(`${id} is pushed within a window`);
  // After a redrive attempts count from one again.
  if (task.attempt === 1) seeRedriven(accounts, id);
  const last = accounts.lastPushed.get(id);
  if (last !== undefined && !accounts.untouched.has(`${id} ${last}`))
    wrong.push(`${id} is pushed again, and may have begun at its last attempt`);
  return wrong;
}
