import type { Observable } from 'rxjs';
import { distinctLanes } from '../model/lane.ts';
import type { Delivery, LaneRef, ResultRecord, SessionRef, SettledRecord, TaskInput } from '../model/task.ts';
import type { OpenedBroadcast } from './broadcasts.ts';
import type { CredentialOutcome, StoredCredential } from './credentials.ts';
import type { SettleOutcome } from './deliveries.ts';
import type { PurgeOutcome, QueueSettings } from './queues.ts';
import type { Request } from './request.ts';
import type { EndedSession, OpenedSession } from './sessions.ts';
import type { CancelOutcome, PruneOutcome, RedriveOutcome, WakeOutcome } from './tasks.ts';

/** One thing that a commit changed and that somebody beside its caller has to know. */
export type Signal =
  /**
   * This process inserted tasks there, and they may be claimed; a claim of the same commit has seen them. What another
   * node inserted is told as `ready`: no claim made here has seen it for certain.
   */
  | { readonly kind: 'inserted'; readonly lanes: readonly LaneRef[] }
  /** Tasks came back there, by a release, a loss, a redrive or their time. */
  | { readonly kind: 'ready'; readonly lanes: readonly LaneRef[] }
  /** Something is due at that instant of the wall clock. */
  | { readonly kind: 'due'; readonly at: number }
  /** Results have their positions, in any order within one commit. */
  | { readonly kind: 'settled'; readonly records: readonly ResultRecord[] }
  /** Runs have ended, so that of a queue with a limit of them more may be claimed. */
  | { readonly kind: 'runsEnded' }
  /** These tasks may have another state. */
  | { readonly kind: 'changed'; readonly tasks: readonly { readonly taskId: string }[] }
  /** Their workers have said something of these tasks. */
  | { readonly kind: 'logged'; readonly tasks: readonly { readonly taskId: string }[] }
  /** The results of these tasks were deleted. */
  | { readonly kind: 'deleted'; readonly taskIds: readonly string[] }
  /** A cancel was asked for of a delivery that this session has, for the reason that is stored. */
  | ({ readonly kind: 'cancelRequested'; readonly session: SessionRef; readonly reason: string } & Delivery)
  /**
   * Of other nodes' commits alone: these deliveries have ended there, or were told again. Callers here have the answer.
   */
  | { readonly kind: 'deliveriesEnded'; readonly deliveries: readonly Delivery[] }
  /** Of other nodes' commits alone: the client has come back to this session there, which goes on with this epoch. */
  | { readonly kind: 'sessionResumed'; readonly session: SessionRef }
  /** Another session of the same client has taken the place of this one. */
  | { readonly kind: 'sessionReplaced'; readonly session: SessionRef }
  | { readonly kind: 'queueSet'; readonly settings: QueueSettings }
  /** `isRemembered`: it will hold for sessions that the client opens later. */
  | {
      readonly kind: 'clientDrained';
      readonly clientId: string;
      readonly isDrained: boolean;
      readonly isRemembered: boolean;
    }
  /** These credentials are new, or may do more, less or something else than before: this is what they are now. */
  | {
      readonly kind: 'credentialsChanged';
      readonly credentials: readonly StoredCredential[];
      /** Ids of those that are forgotten. */
      readonly forgotten?: readonly string[];
    }
  /** `epoch` of the store is another one: what was known of positions is no longer so. */
  | { readonly kind: 'epochChanged' };

/**
 * What the store tells by itself: each commit's signals, in the order of its operations. A store of one process tells
 * of its own commits, a shared one also of those that it hears of. Dispatch subscribes once, the book of credentials once.
 *
 * `inserted`, `ready`, `due` and `runsEnded` come as soon as they are committed, to plan the next claim with, and
 * before the `onClaimed` of that commit; all others once the commit is durable, before the answers of its operations.
 * Signals may be late, doubled or lost when they come from elsewhere: whoever listens looks for himself now and then,
 * so that losing one costs a poll interval and no task.
 */
export type Signals = Observable<readonly Signal[]>;

/** @param stage which of the two moments of a commit it is */
export function signalsOf(request: Request, answer: unknown, stage: 'committed' | 'durable'): readonly Signal[] {
  return stage === 'committed' ? planningOf(request, answer) : tellingOf(request, answer);
}

const NONE: readonly Signal[] = Object.freeze([]);
const NO_RECORDS: readonly SettledRecord[] = Object.freeze([]);
const RUNS_ENDED: Signal = Object.freeze({ kind: 'runsEnded' });

function planningOf(request: Request, answer: unknown): readonly Signal[] {
  switch (request.kind) {
    case 'insert':
      return inserted(request.tasks);
    case 'insertBroadcast':
      return request.filledBy === null && !(answer as { deduplicated: boolean }).deduplicated
        ? inserted(request.children)
        : NONE;
    case 'openBroadcast': {
      const { ready, dueAt } = answer as OpenedBroadcast;
      return [...readyAgain(ready), ...(dueAt === null ? NONE : [due(dueAt)])];
    }
    case 'settle':
    case 'release':
      return ended(answer as readonly SettleOutcome[], request.now);
    case 'openSession':
    case 'endSession': {
      const { ready } = answer as EndedSession;
      return ready.length > 0 ? [...readyAgain(ready), due(request.now), RUNS_ENDED] : [RUNS_ENDED];
    }
    case 'redrive': {
      const lanes = (answer as readonly RedriveOutcome[]).flatMap((one) => (one.kind === 'ready' ? [one.lane] : []));
      return readyAgain(lanes);
    }
    case 'wake':
      return readyAgain((answer as WakeOutcome).ready);
    default:
      return NONE;
  }
}

/** What the answer of a request has settled, parents of broadcasts too. */
export function settledBy(request: Request, answer: unknown): readonly SettledRecord[] {
  switch (request.kind) {
    case 'settle':
    case 'release':
    case 'cancel': {
      const records: SettledRecord[] = [];
      // What a cancel has settled is told in the same two fields.
      for (const { event, parent } of answer as readonly Pick<SettleOutcome, 'event' | 'parent'>[]) {
        if (event) records.push(event);
        if (parent) records.push(parent);
      }
      return records;
    }
    case 'wake':
      return (answer as WakeOutcome).expired;
    case 'purge':
    case 'openBroadcast':
    case 'openSession':
    case 'endSession':
      return (answer as PurgeOutcome | OpenedBroadcast | EndedSession).events;
    default:
      return NO_RECORDS;
  }
}

function tellingOf(request: Request, answer: unknown): readonly Signal[] {
  const told = settled(settledBy(request, answer));
  switch (request.kind) {
    case 'settle':
      return [...told, { kind: 'changed', tasks: request.settlements }];
    case 'release':
      return [...told, { kind: 'changed', tasks: request.releases }];
    case 'log':
      return [{ kind: 'logged', tasks: distinctTasks(request.lines) }];
    case 'cancel':
      return [...told, ...cancelled(answer as readonly CancelOutcome[])];
    case 'redrive':
      return [{ kind: 'changed', tasks: (answer as readonly RedriveOutcome[]).map(({ id }) => ({ taskId: id })) }];
    case 'delete':
      return deleted(request.ids.filter((_, i) => (answer as readonly boolean[])[i]));
    case 'prune':
      return deleted((answer as PruneOutcome).taskIds);
    case 'openSession': {
      const { replaced } = answer as OpenedSession;
      return [...told, ...replaced.map((session): Signal => ({ kind: 'sessionReplaced', session }))];
    }
    case 'setQueue':
      return [{ kind: 'queueSet', settings: answer as QueueSettings }];
    case 'drainClient':
      return [
        {
          kind: 'clientDrained',
          clientId: request.clientId,
          isDrained: request.isDrained,
          isRemembered: answer as boolean,
        },
      ];
    case 'forgetClient':
      // Its drain is forgotten with it.
      return answer === 'forgotten'
        ? [{ kind: 'clientDrained', clientId: request.clientId, isDrained: false, isRemembered: true }]
        : NONE;
    case 'changeCredential': {
      const { changed, forgotten } = answer as CredentialOutcome;
      if (changed.length === 0 && !forgotten) return NONE;
      return [{ kind: 'credentialsChanged', credentials: changed, ...(forgotten ? { forgotten } : {}) }];
    }
    default:
      return told;
  }
}

function inserted(tasks: readonly TaskInput[]): readonly Signal[] {
  let at = Number.POSITIVE_INFINITY;
  for (const { runAt, expiresAt } of tasks) {
    if (runAt !== null && runAt < at) at = runAt;
    if (expiresAt !== null && expiresAt < at) at = expiresAt;
  }
  const signal: Signal = { kind: 'inserted', lanes: distinctLanes(tasks) };
  return at === Number.POSITIVE_INFINITY ? [signal] : [signal, due(at)];
}

function ended(outcomes: readonly SettleOutcome[], now: number): readonly Signal[] {
  const lanes: LaneRef[] = [];
  let at = Number.POSITIVE_INFINITY;
  for (const { ready, scheduledAt, expiresAt } of outcomes) {
    if (ready) lanes.push(ready);
    if (scheduledAt !== undefined && scheduledAt < at) at = scheduledAt;
    if (expiresAt !== undefined && expiresAt < at) at = expiresAt;
  }
  // What came back may be past its expiry, which nobody expects any more.
  if (lanes.length > 0) at = Math.min(at, now);
  const signals: Signal[] = [RUNS_ENDED];
  if (lanes.length > 0) signals.push({ kind: 'ready', lanes });
  if (at !== Number.POSITIVE_INFINITY) signals.push(due(at));
  return signals;
}

function cancelled(outcomes: readonly CancelOutcome[]): readonly Signal[] {
  const requested: Signal[] = [];
  for (const outcome of outcomes) {
    if (outcome.kind !== 'requested') continue;
    const { id: taskId, delivery, session, reason } = outcome;
    requested.push({ kind: 'cancelRequested', taskId, delivery, session, reason });
  }
  return [...requested, { kind: 'changed', tasks: outcomes.map(({ id }) => ({ taskId: id })) }];
}

function distinctTasks(items: readonly { readonly taskId: string }[]): { readonly taskId: string }[] {
  return [...new Set(items.map(({ taskId }) => taskId))].map((taskId) => ({ taskId }));
}

function deleted(taskIds: readonly string[]): readonly Signal[] {
  return taskIds.length > 0 ? [{ kind: 'deleted', taskIds }] : NONE;
}

function readyAgain(lanes: readonly LaneRef[]): readonly Signal[] {
  return lanes.length > 0 ? [{ kind: 'ready', lanes }] : NONE;
}

/** The records that have a position: others are told once they have one, by whoever numbers them. */
function settled(events: readonly SettledRecord[]): readonly Signal[] {
  const records = events.some(({ position }) => position === null) ? events.filter(isNumbered) : events;
  return records.length > 0 ? [{ kind: 'settled', records: records as readonly ResultRecord[] }] : NONE;
}

function isNumbered(record: SettledRecord): record is ResultRecord {
  return record.position !== null;
}

function due(at: number): Signal {
  return { kind: 'due', at };
}
