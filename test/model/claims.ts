import { PARENT_LANE } from '../../server/model/lane.ts';
import type { ClaimedTask } from '../../server/model/task.ts';
import type { ClaimOutcome, ClaimRequest } from '../../server/store/deliveries.ts';
import type { World } from './rules.ts';
import type { ModelTask } from './task.ts';

/** One task at a time, each request in turn, looking at every task each time. */
export function claim(world: World, requests: readonly ClaimRequest[], now: number): readonly ClaimOutcome[] {
  const turns = requests.map((request) => ({
    request,
    queue: 0,
    bytes: 0,
    tasks: [] as ClaimedTask[],
    exhausted: false,
  }));
  let active = turns.filter((turn) => turn.request.limit > 0);
  while (active.length > 0) {
    active = active.filter((turn) => {
      const { request } = turn;
      const queues = [...new Set(request.lanes.map((lane) => lane.queue))];
      let best: ModelTask | undefined;
      if (isGone(world, request)) return false;
      for (let i = 0; i < queues.length && !best; i++) {
        best = findHead(world, request, queues[turn.queue % queues.length]!, now);
        if (!best) turn.queue++;
      }
      if (!best) {
        turn.exhausted = true;
        return false;
      }
      const size = best.input.payload.byteLength;
      const fits = turn.bytes + size <= request.maxBytes || (turn.tasks.length === 0 && request.mayExceed);
      if (!fits) return false;
      turn.bytes += size;
      turn.queue++;
      turn.tasks.push(take(best, request.session.key, now));
      return turn.tasks.length < request.limit;
    });
  }
  return turns.map(({ request, tasks, exhausted }) => ({
    session: request.session,
    tasks,
    exhausted,
    ...(isGone(world, request) ? { isGone: true } : {}),
  }));
}

function isGone(world: World, { session }: ClaimRequest): boolean {
  return world.sessions.get(session.key)?.epoch !== session.epoch;
}

function findHead(world: World, request: ClaimRequest, queue: string, now: number): ModelTask | undefined {
  const lanes = request.lanes
    .filter((lane) => lane.queue === queue && lane.lane !== PARENT_LANE)
    .map((lane) => lane.lane);
  const tasks = [...world.tasks.values()].filter((task) => task.input.queue === queue);
  const { isPaused = false, maxRunning = 0 } = world.settings.get(queue) ?? {};
  if (isPaused) return undefined;
  if (maxRunning > 0 && tasks.filter((task) => task.state === 'running').length >= maxRunning) return undefined;
  return tasks
    .filter((task) => task.state === 'ready' && lanes.includes(task.input.lane))
    .filter((task) => task.expiresAt === null || task.expiresAt > now)
    .sort((a, b) => b.input.priority - a.input.priority || a.seq - b.seq)[0];
}

function take(task: ModelTask, session: number, now: number): ClaimedTask {
  const { runAt: _runAt, expiresAt: _expiresAt, idempotencyKey: _key, parentId: _parentId, ...input } = task.input;
  const { backoffBaseMs: _base, backoffCapMs: _cap, createdBy: _by, ...claimed } = input;
  task.delivery++;
  Object.assign(task, { state: 'running', session, claimedAt: now, ended: 'none' });
  const readyAt = task.delivery === 1 && task.wasReady ? task.createdAt : null;
  return { ...claimed, delivery: task.delivery, attempt: task.burnt + 1, checkpoint: task.checkpoint, readyAt };
}
