import { endBroadcast } from '../../server/model/broadcast.ts';
import type { Owner } from '../../server/model/owner.ts';
import { MAX_LOST, retryAt } from '../../server/model/retry.ts';
import type { LaneRef, ResultRecord } from '../../server/model/task.ts';
import type { StoredClient } from '../../server/store/clients.ts';
import type { StoredCredential } from '../../server/store/credentials.ts';
import type { Fence, Release, Settlement, SettleOutcome } from '../../server/store/deliveries.ts';
import type { QueueSettings } from '../../server/store/queues.ts';
import type { ModelActs } from './acts.ts';
import { type By, ending, forgetEnd } from './attempts.ts';
import { type End, laneOf, type ModelSession, type ModelTask, settleTask } from './task.ts';

export interface World {
  readonly tasks: Map<string, ModelTask>;
  readonly sessions: Map<number, ModelSession>;
  readonly results: ResultRecord[];
  readonly settings: Map<string, QueueSettings>;
  readonly clients: Map<string, StoredClient>;
  /** What named clients have served, by their ids. */
  readonly methods: Map<string, readonly string[]>;
  /** Those that serve something now. */
  readonly serving: Set<string>;
  readonly credentials: Map<string, StoredCredential>;
  position: number;
  seq: number;
  lastSession: number;
  readonly maxWaitingPerPrincipal: number;
  readonly acts: ModelActs;
}

/** A task that is settled, and the parent that settled with it. */
export interface Settled {
  readonly event: ResultRecord;
  readonly parent?: ResultRecord;
}

export type Back = { readonly ready: LaneRef } | Settled;

export function recordsOf(settled: readonly Settled[]): ResultRecord[] {
  return settled.flatMap(({ event, parent }) => (parent ? [event, parent] : [event]));
}

export function settle(world: World, task: ModelTask, end: End, now: number): Settled {
  const event = log(world, task, end, now);
  const parent = task.countsFor === null ? undefined : world.tasks.get(task.countsFor);
  task.countsFor = null;
  if (!parent?.counts) return { event };
  parent.counts = { ...parent.counts, [end.state]: parent.counts[end.state] + 1 };
  const ended = endParent(world, parent, now);
  return ended ? { event, parent: ended } : { event };
}

/** Settles an open broadcast whose children all are. */
export function endParent(world: World, parent: ModelTask, now: number): ResultRecord | undefined {
  const whole = parent.phase === 'open' ? endBroadcast(parent.counts!, parent.cancelReason) : undefined;
  return whole && log(world, parent, { ...whole, clientId: '', attempt: 0, isTold: false }, now);
}

function log(world: World, task: ModelTask, end: End, now: number): ResultRecord {
  const record = settleTask(task, end, ++world.position, now);
  world.results.push(record);
  return record;
}

export function cancel(world: World, task: ModelTask, reason: string, clientId: string, isTold: boolean, now: number) {
  const attempt = task.burnt + (task.state === 'running' ? 1 : 0);
  const error = { code: 'CANCELLED', message: reason };
  return settle(world, task, { state: 'cancelled', clientId, attempt, isTold, error }, now);
}

/** Whether the fence names an open delivery; one that only a loss ended is open for its client, and taken back. */
export function isOpen(world: World, task: ModelTask, fence: Fence): boolean {
  if (task.delivery !== fence.delivery) return false;
  if (task.state === 'running') {
    const { session } = fence;
    const row = world.sessions.get(task.session ?? 0);
    if (session) return task.session === session.key && row?.epoch === session.epoch;
    return row === undefined || isNamedByOwner(fence, row);
  }
  const isOwner = task.owner === null || isNamedByOwner(fence, task.owner);
  return (
    task.state === 'ready' && !fence.session && isOwner && (task.ended === 'lost' || task.ended === 'lost and burnt')
  );
}

function isNamedByOwner({ namedBy }: Fence, owner: Owner): boolean {
  if (namedBy === undefined) return true;
  if (namedBy.clientId === undefined) return namedBy.subject === owner.subject;
  return namedBy.clientId === owner.clientId && mayBeOne(namedBy.subject, owner.subject);
}

/** Whether two principals may be one: of '' nobody knows who it was. */
export function mayBeOne(a: string, b: string): boolean {
  return [a, b].includes('') || a === b;
}

/** Undoes the loss of an open delivery. */
export function takeBackLoss(task: ModelTask): void {
  if (task.ended !== 'lost and burnt') return;
  task.burnt--;
  task.lost--;
}

/** Whose delivery it is that the server itself takes for lost. */
interface ByServer {
  readonly had: Owner | null;
  readonly startedAt: number | null | undefined;
}

export function release(world: World, task: ModelTask, isStarted: boolean, by: Omit<By, 'end'>, now: number): Back {
  const { clientId, isTold } = by;
  return ending(task, { ...by, end: 'released' }, now, () => {
    if (task.cancelReason !== null) return cancel(world, task, task.cancelReason, clientId, isTold, now);
    const isKnownNot = task.state === 'ready' && task.ended === 'lost';
    const isBurnt = isStarted && !isKnownNot;
    if (isBurnt && ++task.burnt >= task.input.maxAttempts) {
      const error = { code: 'RELEASED', message: 'it was given back after it had started, at its last attempt' };
      return settle(world, task, { state: 'failed', clientId, attempt: task.burnt, isTold, error }, now);
    }
    if (isBurnt) task.lastError ??= 'it was given back after it had started';
    Object.assign(task, { state: 'ready', ended: 'released', session: null, owner: null });
    return { ready: laneOf(task) };
  });
}

export function lose(world: World, task: ModelTask, isStarted: boolean, by: ByServer, now: number): Back {
  const { had, startedAt } = by;
  const clientId = had?.clientId ?? '';
  return ending(task, { clientId, isTold: false, startedAt, end: 'lost' }, now, () => {
    if (isStarted) task.lost++;
    if (task.cancelReason !== null) return cancel(world, task, task.cancelReason, clientId, false, now);
    if (isStarted) {
      task.burnt++;
      if (task.burnt >= task.input.maxAttempts || task.lost >= MAX_LOST) {
        const error = { code: 'LOST', message: `its session was lost, ${task.lost} times in all` };
        return settle(world, task, { state: 'failed', clientId, attempt: task.burnt, isTold: false, error }, now);
      }
    }
    const owner = had && { clientId: had.clientId, subject: had.subject };
    Object.assign(task, { state: 'ready', ended: isStarted ? 'lost and burnt' : 'lost', session: null, owner });
    return { ready: laneOf(task) };
  });
}

export function settleOne(world: World, settlement: Settlement, now: number): SettleOutcome {
  return noteTeller(world, settlement, settle1(world, settlement, now));
}

/** Who told the end of a delivery is who may say it again. */
function noteTeller(world: World, { taskId, namedBy }: Fence, outcome: SettleOutcome): SettleOutcome {
  const last = world.tasks.get(taskId)?.results.at(-1);
  if (outcome.event && last) last.toldBy = namedBy?.subject ?? '';
  return outcome;
}

function settle1(world: World, settlement: Settlement, now: number): SettleOutcome {
  const task = world.tasks.get(settlement.taskId);
  if (!task) return { code: 'UNKNOWN' };
  const isTold = settlement.session === undefined;
  if (!isOpen(world, task, settlement)) {
    return { code: isTold && wasTold(task, settlement) ? 'DUPLICATE' : 'STALE' };
  }
  const clientId = settlement.clientId ?? ownerOf(world, task)?.clientId ?? '';
  if (settlement.kind === 'abandoned' && task.cancelReason === null) return { code: 'STALE' };
  if (task.state === 'ready') takeBackLoss(task);
  if (settlement.kind === 'succeeded') {
    forgetEnd(task);
    const { result, contentType } = settlement;
    const end: End = {
      state: 'succeeded',
      clientId,
      attempt: task.burnt + 1,
      isTold,
      error: null,
      result,
      contentType,
    };
    return { code: 'STORED', ...settle(world, task, end, now) };
  }
  const by = { clientId, isTold, startedAt: settlement.startedAt };
  if (settlement.kind === 'stopped') {
    return { code: 'STORED', ...release(world, task, settlement.isStarted ?? true, by, now) };
  }
  if (settlement.kind === 'failed') {
    const { error } = settlement;
    const teller = { clientId, subject: settlement.namedBy?.subject ?? '' };
    return ending(task, { ...by, end: 'failed', error }, now, () =>
      fail(world, task, settlement, { ...by, teller }, now),
    );
  }
  return ending(task, { ...by, end: 'failed' }, now, () => ({
    code: 'STORED',
    ...cancel(world, task, task.cancelReason!, clientId, isTold, now),
  }));
}

function fail(
  world: World,
  task: ModelTask,
  { error, retry, random }: Settlement & { kind: 'failed' },
  { clientId, isTold, teller }: Omit<By, 'end'> & { readonly teller: Owner },
  now: number,
): SettleOutcome {
  if (task.cancelReason !== null) {
    return { code: 'STORED', ...cancel(world, task, task.cancelReason, clientId, isTold, now) };
  }
  const attempt = task.burnt + 1;
  const { maxAttempts, backoffBaseMs: baseMs, backoffCapMs: capMs } = task.input;
  const runAt = retryAt(now, attempt, maxAttempts, { baseMs, capMs }, retry, random);
  if (runAt === null) {
    const { detail: _detail, ...told } = error;
    return { code: 'STORED', ...settle(world, task, { state: 'failed', clientId, attempt, isTold, error: told }, now) };
  }
  const ended = isTold ? 'failed' : 'timed out';
  const lastError = (error.message || error.code).slice(0, 1_000);
  Object.assign(task, { state: 'scheduled', runAt, burnt: attempt, ended, lastError, session: null, owner: teller });
  const outcome = { code: 'STORED', scheduledAt: runAt } as const;
  return task.expiresAt === null ? outcome : { ...outcome, expiresAt: task.expiresAt };
}

function ownerOf(world: World, { session, owner }: ModelTask): Owner | null {
  return (session === null ? owner : world.sessions.get(session)) ?? null;
}

function wasTold(task: ModelTask, fence: Fence): boolean {
  const { delivery } = fence;
  if (task.state !== 'running' && task.ended === 'failed' && task.delivery === delivery) {
    // So it is when a cancel or an expiry ends it before the next attempt.
    return task.owner === null || isNamedByOwner(fence, task.owner);
  }
  return task.results.some(
    ({ record: { clientId, ...record }, isTold, toldBy = '' }) =>
      isTold && record.delivery === delivery && isNamedByOwner(fence, { clientId, subject: toldBy }),
  );
}

export function releaseOne(world: World, given: Release, now: number): SettleOutcome {
  return noteTeller(world, given, release1(world, given, now));
}

function release1(world: World, given: Release, now: number): SettleOutcome {
  const task = world.tasks.get(given.taskId);
  if (!task) return { code: 'UNKNOWN' };
  if (!isOpen(world, task, given)) return { code: 'STALE' };
  const { startedAt } = given;
  const had = ownerOf(world, task);
  if (given.cause === 'lost') {
    return task.state === 'ready'
      ? { code: 'STALE' }
      : { code: 'STORED', ...lose(world, task, given.isStarted, { had, startedAt }, now) };
  }
  if (task.state === 'ready') takeBackLoss(task);
  const by = { clientId: had?.clientId ?? '', isTold: given.session === undefined, startedAt };
  return { code: 'STORED', ...release(world, task, given.isStarted, by, now) };
}
