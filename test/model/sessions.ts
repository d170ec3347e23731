import type { Delivery, SessionRef } from '../../server/model/task.ts';
import type {
  EndedSession,
  HeldTask,
  OpenedSession,
  SessionOpening,
  SessionStanding,
  StartedDelivery,
} from '../../server/store/sessions.ts';
import { ContactError } from '../../shared/errors.ts';
import { forgetEnd } from './attempts.ts';
import { checkFree } from './owners.ts';
import { type Back, isOpen, lose, mayBeOne, recordsOf, release, takeBackLoss, type World } from './rules.ts';
import { laneOf, type ModelSession, type ModelTask, refOf } from './task.ts';

export function openSession(world: World, opening: SessionOpening, now: number): OpenedSession {
  const rows = [...world.sessions.values()];
  const named = opening.resume?.previousHash;
  const found = rows.find((row) => row.secretHash === named) ?? rows.find((row) => row.namedHash === named);
  const previous =
    named !== undefined && found?.clientId === opening.clientId && mayBeOne(found.subject, opening.subject)
      ? found
      : undefined;
  const holder =
    rows.find((row) => row.secretHash === opening.secretHash) ??
    rows.find((row) => row.namedHash === opening.secretHash);
  if (holder && holder !== previous) throw new ContactError('ALREADY_EXISTS', 'contact-session: a session has this id');

  checkFree(world, opening.clientId, opening.subject, now);
  const isKnown = previous === undefined || knows(opening, previous);
  const session = previous ?? addSession(world, opening);
  if (previous) {
    const { secretHash, subject, isNamed, node } = opening;
    Object.assign(previous, {
      secretHash,
      subject,
      isNamed,
      node,
      namedHash: named,
      epoch: previous.epoch + 1,
      isLost: false,
    });
  }
  const replaced = rows.filter(
    (row) =>
      opening.isNamed &&
      row.isNamed &&
      row.clientId === opening.clientId &&
      mayBeOne(row.subject, opening.subject) &&
      row !== session,
  );
  const held: HeldTask[] = [];
  const closed: Delivery[] = [];
  const seen = new Set<string>();
  for (const { taskId, delivery } of opening.resume?.holding ?? []) {
    if (seen.has(`${taskId} ${delivery}`)) continue;
    seen.add(`${taskId} ${delivery}`);
    const task = world.tasks.get(taskId);
    const owners = [session.key, ...replaced.map((row) => row.key)];
    const isMine = task !== undefined && (task.state !== 'running' || owners.includes(task.session ?? 0));
    if (!isMine || !isOpen(world, task, { taskId, delivery, namedBy: session })) {
      closed.push({ taskId, delivery });
      continue;
    }
    const isStarted = task.state === 'ready' ? task.ended === 'lost and burnt' : null;
    if (task.state === 'ready') {
      takeBackLoss(task);
      forgetEnd(task);
    }
    Object.assign(task, { state: 'running', session: session.key, ended: 'none' });
    held.push(toHeld(task, isStarted));
  }
  const backs = runningOf(world, session.key)
    .filter((task) => !held.some((each) => each.taskId === task.input.id))
    .map((task) => {
      const start = findStart(isKnown ? (opening.resume?.started ?? []) : 'all', task);
      const startedAt = start?.startedAt;
      if (start) return lose(world, task, true, { had: session, startedAt }, now);
      return release(world, task, false, { clientId: session.clientId, isTold: false, startedAt }, now);
    });
  for (const row of replaced) {
    const begun = knows(opening, row) ? (opening.started ?? 'all') : 'all';
    backs.push(...end(world, row, begun, now));
  }
  return {
    session: refOf(session),
    resumed: previous !== undefined,
    held,
    closed,
    ...collect(backs),
    isDrained: opening.isNamed && remember(world, opening, now),
    replaced: replaced.map(refOf),
  };
}

/** What another node was told is not in the caller's books. */
function knows({ knownSessions }: SessionOpening, { key, epoch }: SessionRef): boolean {
  return knownSessions === undefined || knownSessions.some((one) => one.key === key && one.epoch === epoch);
}

function addSession(world: World, opening: SessionOpening): ModelSession {
  const { secretHash, subject, clientId, isNamed, node } = opening;
  const key = ++world.lastSession;
  const rest = { secretHash, namedHash: null, subject, clientId, isNamed, node, isLost: false };
  const session = { key, epoch: 1, ...rest };
  world.sessions.set(session.key, session);
  return session;
}

function remember(world: World, opening: SessionOpening, now: number): boolean {
  const { clientId, labels, queues } = opening;
  const { isDrained, subject } = world.clients.get(clientId) ?? { isDrained: false, subject: '' };
  const client = { clientId, labels, queues, lastSeenAt: now, isDrained, subject: opening.subject || subject };
  world.clients.set(clientId, client);
  return isDrained;
}

function see(world: World, session: ModelSession, now: number): void {
  const client = world.clients.get(session.clientId);
  if (session.isNamed && client && mayBeOne(client.subject, session.subject))
    world.clients.set(client.clientId, { ...client, lastSeenAt: now });
}

export function loseSession(world: World, ref: SessionRef, now: number): boolean {
  const session = world.sessions.get(ref.key);
  if (session?.epoch !== ref.epoch) return false;
  session.isLost = true;
  see(world, session, now);
  return true;
}

export function endSession(
  world: World,
  ref: SessionRef,
  started: readonly StartedDelivery[] | 'all',
  now: number,
): EndedSession {
  const session = world.sessions.get(ref.key);
  if (session?.epoch !== ref.epoch) return collect([]);
  if (!session.isLost) see(world, session, now);
  return collect(end(world, session, started, now));
}

function end(world: World, session: ModelSession, started: readonly StartedDelivery[] | 'all', now: number): Back[] {
  const backs = runningOf(world, session.key).map((task) => {
    const start = findStart(started, task);
    return lose(world, task, start !== undefined, { had: session, startedAt: start?.startedAt }, now);
  });
  world.sessions.delete(session.key);
  return backs;
}

function findStart(
  started: readonly StartedDelivery[] | 'all',
  task: ModelTask,
): Pick<StartedDelivery, 'startedAt'> | undefined {
  if (started === 'all') return {};
  return started.findLast((each) => each.taskId === task.input.id && each.delivery === task.delivery);
}

export function runningOf(world: World, key: number): ModelTask[] {
  // In the order of insertion, which the map keeps; claims of one instant have no other.
  const running = [...world.tasks.values()].filter((task) => task.state === 'running' && task.session === key);
  return running.sort((a, b) => a.claimedAt! - b.claimedAt!);
}

export function describeSession(world: World, { key, epoch }: SessionRef): SessionStanding {
  const session = world.sessions.get(key);
  if (session?.epoch !== epoch) return { kind: session ? 'resumed' : 'gone' };
  const running = runningOf(world, key).map(({ input, delivery, cancelReason }) => ({
    ...{ taskId: input.id, delivery, cancelReason },
  }));
  const isDrained = session.isNamed ? (world.clients.get(session.clientId)?.isDrained ?? false) : null;
  return { kind: 'open', running, isDrained };
}

function toHeld(task: ModelTask, isStarted: boolean | null): HeldTask {
  return {
    taskId: task.input.id,
    delivery: task.delivery,
    ...laneOf(task),
    attempt: task.burnt + 1,
    timeoutMs: task.input.timeoutMs,
    isLast: task.burnt + 1 >= task.input.maxAttempts,
    claimedAt: task.claimedAt,
    isStarted,
    cancelReason: task.cancelReason,
  };
}

function collect(backs: readonly Back[]): EndedSession {
  const ready = backs.flatMap((back) => ('ready' in back ? [back.ready] : []));
  const names = new Set<string>();
  const unique = ready.filter(({ queue, lane }) => !names.has(`${queue} ${lane}`) && names.add(`${queue} ${lane}`));
  const events = recordsOf(backs.flatMap((back) => ('event' in back ? [back] : [])));
  return { ready: unique, events, lostCount: backs.length };
}
