import { type Drawer, HOLDS, standingFor } from './drawer.ts';
import { addresseeOf } from './lane.ts';
import type { Lane, TaskState } from './task.ts';

/** What a task or a queue can wait for; docs/waiting.md has a line for each. */
export type WaitingKind =
  | 'shutting_down'
  | 'store'
  | 'paused'
  | 'delayed'
  | 'retry'
  | 'broadcast'
  | 'children'
  | 'client_absent'
  | 'client_elsewhere'
  | 'not_served'
  | 'no_match'
  | 'drained'
  | 'unread'
  | 'overdue'
  | 'limit'
  | 'gives_back'
  | 'budget'
  | 'full'
  | 'turn'
  | 'lost'
  | 'claimed'
  | 'running';

/** One thing that a task waits for, or what is known of its run. What is absent does not belong to its kind, or is unknown. */
export interface Reason {
  readonly kind: WaitingKind;
  readonly queue: string;
  /** The queue is a method of clients, and its tasks are calls. */
  readonly isCall: boolean;
  readonly clientIds?: readonly string[];
  readonly queues?: readonly string[];
  readonly selector?: string;
  readonly labels?: readonly string[];
  readonly since?: number;
  readonly until?: number;
  readonly limit?: number;
  readonly count?: number;
  /** Of how many `count` are: all who may take it. */
  readonly of?: number;
  /** Whoever asks may not know more of the client, or nobody has looked; of a run: nobody knows whether it has begun. */
  readonly isVague?: boolean;
  /** There are more than `count`. */
  readonly isAtLeast?: boolean;
  readonly lastError?: string;
  readonly progress?: Progress;
}

/** The newest that a client has told of a run. */
export interface Progress {
  /** Below 0: none was told. */
  readonly fraction: number;
  readonly message: string;
  readonly toldAt: number;
}

/** Clients of whom there are so many; names, queues and labels are those of a few that whoever asks may see. */
export interface Party {
  readonly count: number;
  readonly clientIds: readonly string[];
  readonly queues: readonly string[];
  readonly labels: readonly string[];
}

/** The client that a task is for. */
export interface Target {
  readonly isConnected: boolean;
  /** When it went; null: nobody knows, or whoever asks may not. */
  readonly lastSeenAt: number | null;
  /** What it serves, as far as whoever asks may see it. */
  readonly queues: readonly string[];
}

/** What is known of the run of a task. */
export interface Run {
  readonly clientId: string | null;
  /** Whether work on it has begun; null: nobody here knows. */
  readonly hasBegun: boolean | null;
  /** When its client said that it began; null: it has not, or nobody here knows when. */
  readonly startedAt: number | null;
  readonly progress: Progress | null;
  /** Its client is not connected, and has until then to come back; null: it is. */
  readonly lostUntil: number | null;
}

/** All that decides whether a task runs, as whoever asks may see it. */
export interface Situation {
  readonly state: TaskState;
  readonly queue: string;
  readonly lane: Lane;
  readonly isCall: boolean;
  /** Of its payload. */
  readonly bytes: number;
  readonly runAt: number | null;
  readonly attempt: number;
  readonly lastError: string | null;
  readonly isShuttingDown: boolean;
  /** Why the store could not write a moment ago; empty: it could. */
  readonly trouble: string;
  readonly isPaused: boolean;
  /** How many tasks of the queue may run, and do; a limit of 0: as many as there are. */
  readonly maxRunning: number;
  readonly running: number;
  /** Who may take the task. */
  readonly drawers: readonly Drawer[];
  /** Who serves its queue, and who is connected at all. */
  readonly serving: Party;
  readonly connected: Party;
  /** Of a task for one client; undefined: nothing is known of it. */
  readonly target?: Target;
  /** Tasks of its lane that are before it; undefined: not counted. */
  readonly ahead?: { readonly count: number; readonly isAtLeast: boolean };
  readonly run?: Run;
}

/** Names told of each kind. */
export const MAX_NAMED = 5;

/**
 * What takes the server's or an operator's act comes first, then what ends by itself and an act would hasten, and last what
 * only takes time. A scheduled task waits for its time before it needs anybody, but not before its queue was paused:
 * whoever paused it should be reminded.
 */
const ORDER: readonly WaitingKind[] = [
  'shutting_down',
  'store',
  'paused',
  'delayed',
  'retry',
  'broadcast',
  'children',
  'client_absent',
  'client_elsewhere',
  'not_served',
  'no_match',
  'drained',
  'unread',
  'overdue',
  'limit',
  'gives_back',
  'budget',
  'full',
  'turn',
];

/** What is of no account to a task that waits for its time. */
const PASSING: ReadonlySet<WaitingKind> = new Set(['unread', 'overdue', 'gives_back', 'budget', 'full', 'turn']);

/** Where a cause stands in the order. One that only some of those have who may take the task does not hold it alone. */
function rankOf({ kind, count = 0, of = count }: Reason): number {
  const isPartial = kind === 'drained' && count < of;
  return isPartial ? ORDER.indexOf('limit') + 0.5 : ORDER.indexOf(kind);
}

/** Everything that a task waits for, the first thing to know first; of one that runs what is known of that; else nothing. */
export function explainWaiting(situation: Situation): readonly Reason[] {
  const { state, run } = situation;
  if (state === 'running') return run ? [explainRun(situation, run)] : [];
  if (state !== 'ready' && state !== 'scheduled') return [];
  const causes = [...listCauses(situation)].sort((a, b) => rankOf(a) - rankOf(b));
  // That it would be next says nothing where something else holds it.
  return causes.length > 1 ? causes.filter(({ kind, count = 0 }) => kind !== 'turn' || count > 0) : causes;
}

/** What holds it or, of one that is scheduled, would hold it and does not pass by itself. */
function* listCauses(situation: Situation): Iterable<Reason> {
  const { queue, lane, isCall, isShuttingDown, trouble, isPaused, maxRunning, running } = situation;
  const about = { queue, isCall };
  const to = addresseeOf(lane);
  if (isShuttingDown) yield { ...about, kind: 'shutting_down' };
  if (trouble !== '') yield { ...about, kind: 'store', lastError: trouble };
  // A broadcast itself is given to nobody, so nothing else holds it.
  if (to.kind === 'children') {
    yield { ...about, kind: situation.state === 'ready' ? 'children' : 'delayed', ...untilOf(situation) };
    return;
  }
  if (isPaused) yield { ...about, kind: 'paused' };
  if (situation.state === 'scheduled') {
    yield explainDelay(situation);
    const later = situation.drawers.length === 0 ? explainAbsence(situation) : explainHolds(situation);
    for (const cause of later) if (!PASSING.has(cause.kind)) yield cause;
    return;
  }
  if (maxRunning > 0 && running >= maxRunning) yield { ...about, kind: 'limit', limit: maxRunning, count: running };
  yield* situation.drawers.length === 0 ? explainAbsence(situation) : explainHolds(situation);
}

function untilOf({ runAt }: Pick<Situation, 'runAt'>): { readonly until?: number } {
  return runAt === null ? {} : { until: runAt };
}

/** What a scheduled task waits for that is its own; all else that would hold it is the same for its whole lane. */
export function explainDelay(
  situation: Pick<Situation, 'queue' | 'isCall' | 'runAt' | 'attempt' | 'lastError'>,
): Reason {
  const { queue, isCall, runAt, attempt, lastError } = situation;
  const about = { queue, isCall, ...untilOf(situation) };
  if (runAt === null) return { ...about, kind: 'broadcast' };
  if (attempt === 0) return { ...about, kind: 'delayed' };
  return { ...about, kind: 'retry', count: attempt, ...(lastError ? { lastError } : {}) };
}

/** Nobody who is connected may take it. */
function explainAbsence({ queue, lane, isCall, serving, connected, target }: Situation): Iterable<Reason> {
  const about = { queue, isCall };
  const to = addresseeOf(lane);
  if (to.kind === 'client') {
    const clientIds = [to.clientId];
    if (target?.isConnected) return [{ ...about, kind: 'client_elsewhere', clientIds, queues: target.queues }];
    const since = target?.lastSeenAt ?? undefined;
    const more = target ? { ...(since === undefined ? {} : { since }) } : { isVague: true };
    return [{ ...about, kind: 'client_absent', clientIds, ...more }];
  }
  const asked = to.kind === 'selector' ? { selector: to.selector } : {};
  if (to.kind === 'selector' && serving.count > 0) {
    const { count, clientIds, labels } = serving;
    return [{ ...about, ...asked, kind: 'no_match', count, clientIds, labels }];
  }
  const { count, clientIds, queues } = connected;
  return [{ ...about, ...asked, kind: 'not_served', count, clientIds, queues }];
}

/** Somebody may take it: what keeps all of them from that, or that it is only not its turn yet. */
function* explainHolds({ queue, isCall, bytes, ahead, ...situation }: Situation): Iterable<Reason> {
  const about = { queue, isCall };
  const drawers = situation.drawers.map((one) => ({ ...one, kind: standingFor(one, bytes) }));
  const isFree = drawers.some(({ kind }) => kind === 'free');
  for (const kind of isFree ? [] : HOLDS) {
    const held = drawers.filter((one) => one.kind === kind);
    if (held.length === 0) continue;
    const clientIds = [...new Set(held.flatMap(({ clientId }) => clientId ?? []))].slice(0, MAX_NAMED);
    const limit = kind === 'full' ? { limit: held.reduce((sum, { credit }) => sum + credit, 0) } : {};
    yield { ...about, kind, clientIds, count: held.length, of: drawers.length, ...limit };
  }
  if (isFree || (ahead && ahead.count > 0)) yield { ...about, kind: 'turn', ...ahead };
}

/** What is known of a task that runs. */
export function explainRun({ queue, isCall }: Pick<Situation, 'queue' | 'isCall'>, run: Run): Reason {
  const { clientId, hasBegun, startedAt, progress, lostUntil } = run;
  const about = {
    ...{ queue, isCall, clientIds: clientId === null ? [] : [clientId] },
    ...(startedAt === null ? {} : { since: startedAt }),
    ...(progress ? { progress } : {}),
  };
  if (lostUntil !== null) return { ...about, kind: 'lost', until: lostUntil };
  if (hasBegun) return { ...about, kind: 'running' };
  return { ...about, kind: 'claimed', ...(hasBegun === null ? { isVague: true } : {}) };
}

/** What a queue waits for, of what the heads of its lanes do: each kind once, the first thing to know first. */
export function explainQueue(heads: readonly (readonly Reason[])[]): readonly Reason[] {
  const byKind = new Map<WaitingKind, Reason>();
  for (const reason of heads.flat()) if (!byKind.has(reason.kind)) byKind.set(reason.kind, reason);
  return [...byKind.values()].sort((a, b) => rankOf(a) - rankOf(b));
}
