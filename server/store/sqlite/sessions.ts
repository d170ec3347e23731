import { ContactError } from '../../../shared/errors.ts';
import { decideHolding, isKnownStarted } from '../../model/holding.ts';
import { isSamePrincipal, takenByAnother } from '../../model/owner.ts';
import type { Delivery, LaneRef, SessionRef } from '../../model/task.ts';
import type {
  EndedSession,
  HeldTask,
  OpenedSession,
  SessionOpening,
  SessionStanding,
  StartedDelivery,
  StoredSession,
} from '../sessions.ts';
import { type Context, type SessionEntry, type SessionRow, type TaskRow, uniqueLanes } from './context.ts';
import { type Deliveries, type Return, recordsOf, type Settled } from './deliveries.ts';

/** What happens to session rows, and to what they hold. */
export interface SessionOperations {
  openSession(opening: SessionOpening, now: number): OpenedSession;
  loseSession(session: SessionRef, now: number): boolean;
  endSession(session: SessionRef, started: readonly StartedDelivery[] | 'all', now: number): EndedSession;
  /** Ends what sessions a client has lost, as long as none of them runs anything. False: one does, and all stay. */
  endIdle(clientId: string): boolean;
  listSessions(): readonly StoredSession[];
  describeSession(session: SessionRef): SessionStanding;
}

/** Named clients, as far as their sessions concern them. */
interface Remembering {
  /** Remembers the client of a session; answers whether it is drained. */
  remember(opening: SessionOpening, now: number): boolean;
  see(client: Pick<SessionOpening, 'clientId' | 'subject'>, now: number): void;
  isDrained(clientId: string): boolean;
}

export function createSessionOperations(
  { catalog, tasks, sessions, owners }: Context,
  deliveries: Deliveries,
  clients: Remembering,
): SessionOperations {
  function openSession(opening: SessionOpening, now: number): OpenedSession {
    const { resume, clientId, subject } = opening;
    const previous = resume ? sessions.findByHash(resume.previousHash) : undefined;
    const isOwn = (row: SessionRow): boolean => row.client_id === clientId && isSamePrincipal(row.subject, subject);
    const isOurs = previous !== undefined && isOwn(previous);
    const holder = sessions.findByHash(opening.secretHash);
    if (holder && !(isOurs && holder.key === previous.key)) {
      const advice = { reason: 'SESSION', retry: 'backoff' } as const;
      throw new ContactError('ALREADY_EXISTS', 'a session has this id, draw another', {
        field: 'contact-session',
        advice,
      });
    }
    if (!owners.isFree(clientId, subject, now)) throw takenByAnother(clientId, 'contact-client');
    const session = isOurs ? sessions.resume(previous, opening) : sessions.insert(opening);
    // The client id of an ephemeral session is no secret: only who knows its session id may take its place.
    const earlier = (opening.isNamed ? sessions.findByClient(clientId) : []).filter(
      (row) => row.is_named === 1 && row.key !== session.key && isOwn(row),
    );
    const { held, closed } = applyHolding(resume?.holding ?? [], session, new Set(earlier.map((row) => row.key)));
    const { started = 'all', knownSessions } = opening;
    const isKnown = ({ key, epoch }: SessionRef): boolean =>
      knownSessions?.some((one) => one.key === key && one.epoch === epoch) ?? true;
    const left = !isOurs || isKnown(previous) ? (resume?.started ?? []) : 'all';
    const returns = giveBackOthers(session, new Set(held.map((task) => task.taskId)), left, now);
    for (const row of earlier) returns.push(...endRow(row, isKnown(row) ? started : 'all', now));
    const isDrained = opening.isNamed && clients.remember(opening, now);
    return {
      session: { key: session.key, epoch: session.epoch },
      resumed: isOurs,
      held,
      closed,
      ...collect(returns),
      isDrained,
      replaced: earlier.map(({ key, epoch }) => ({ key, epoch })),
    };
  }

  /** Applies what the client says it holds, before anything is taken from the rows that had it. */
  function applyHolding(holding: readonly Delivery[], session: SessionEntry, earlier: ReadonlySet<number>) {
    const held: HeldTask[] = [];
    const closed: Delivery[] = [];
    const seen = new Set<string>();
    for (const { taskId, delivery } of holding) {
      const name = `${taskId} ${delivery}`;
      if (seen.has(name)) continue;
      seen.add(name);
      const row = tasks.byId(taskId);
      const open = row && deliveries.findOpen(row, { taskId, delivery, namedBy: session });
      const holding = row && decideHolding(row, open, session.key, earlier);
      if (!row || !open || holding === 'closed') {
        closed.push({ taskId, delivery });
        continue;
      }
      if (holding === 'adopted') deliveries.adopt(row, open, session.key);
      held.push(toHeld(row, open.burnt, isKnownStarted(row, open)));
    }
    return { held, closed };
  }

  /**
   * Gives back what a resumed row runs and its client did not name: it never came there or, if it had started, was
   * lost.
   */
  function giveBackOthers(
    session: SessionEntry,
    heldIds: ReadonlySet<string>,
    started: readonly StartedDelivery[] | 'all',
    now: number,
  ): Return[] {
    const findStart = lookUpStarts(started);
    const returns: Return[] = [];
    for (const key of tasks.runningOf(session.key)) {
      const row = tasks.byKey(key);
      if (heldIds.has(row.id)) continue;
      const start = findStart(row);
      const report = start
        ? ({ kind: 'lost', isStarted: true } as const)
        : ({ kind: 'stopped', isStarted: false } as const);
      returns.push(deliveries.take(row, report, { had: session, startedAt: start?.startedAt }, now));
    }
    return returns;
  }

  function endRow(session: SessionRef, started: readonly StartedDelivery[] | 'all', now: number): Return[] {
    const had = sessions.get(session.key) ?? null;
    const findStart = lookUpStarts(started);
    const returns = tasks.runningOf(session.key).map((key) => {
      const row = tasks.byKey(key);
      const start = findStart(row);
      const report = { kind: 'lost', isStarted: start !== undefined } as const;
      return deliveries.take(row, report, { had, startedAt: start?.startedAt }, now);
    });
    sessions.delete(session.key);
    return returns;
  }

  function toHeld(row: TaskRow, burnt: number, isStarted: boolean | null): HeldTask {
    const { queue, lane } = catalog.laneById(row.laneId).ref;
    return {
      taskId: row.id,
      delivery: row.delivery,
      queue,
      lane,
      attempt: burnt + 1,
      timeoutMs: row.terms.timeoutMs,
      isLast: burnt + 1 >= row.terms.maxAttempts,
      claimedAt: row.claimedAt,
      isStarted,
      cancelReason: row.state === 'running' ? row.cancelReason : null,
    };
  }

  /** Notes that a named client was there until now. */
  function see({ key }: SessionRef, now: number): void {
    const session = sessions.get(key);
    if (session?.isNamed) clients.see(session, now);
  }

  function isCurrent({ key, epoch }: SessionRef): boolean {
    return sessions.get(key)?.epoch === epoch;
  }

  return {
    openSession,
    loseSession: (session, now) => {
      if (!isCurrent(session)) return false;
      sessions.markLost(session.key, now);
      see(session, now);
      return true;
    },
    endSession: (session, started, now) => {
      if (!isCurrent(session)) return collect([]);
      if (!sessions.isLost(session.key)) see(session, now);
      return collect(endRow(session, started, now));
    },
    endIdle: (clientId) => {
      const keys = sessions.findByClient(clientId).map(({ key }) => key);
      if (keys.some((key) => !sessions.isLost(key) || tasks.runningOf(key).length > 0)) return false;
      for (const key of keys) sessions.delete(key);
      return true;
    },
    describeSession: ({ key, epoch }) => {
      const row = sessions.get(key);
      if (row?.epoch !== epoch) return { kind: row ? 'resumed' : 'gone' };
      const running = tasks.runningOf(key).map((taskKey) => {
        const { id, delivery, cancelReason } = tasks.byKey(taskKey);
        return { taskId: id, delivery, cancelReason };
      });
      return { kind: 'open', running, isDrained: row.isNamed ? clients.isDrained(row.clientId) : null };
    },
    listSessions: () =>
      sessions.leftBehind().map(({ key, epoch, clientId, subject, isNamed, node }) => ({
        session: { key, epoch },
        clientId,
        subject,
        isNamed,
        node,
        held: tasks.runningOf(key).map((taskKey) => {
          const row = tasks.byKey(taskKey);
          return toHeld(row, row.attempt, null);
        }),
      })),
  };
}

/** What is known of the start of a delivery; undefined: it did not begin. */
type FindStart = (row: TaskRow) => Pick<StartedDelivery, 'startedAt'> | undefined;

const SOME_TIME: Pick<StartedDelivery, 'startedAt'> = Object.freeze({});

function lookUpStarts(started: readonly StartedDelivery[] | 'all'): FindStart {
  if (started === 'all') return () => SOME_TIME;
  const byName = new Map(started.map((one) => [`${one.taskId} ${one.delivery}`, one]));
  return ({ id, delivery }) => byName.get(`${id} ${delivery}`);
}

function collect(returns: readonly Return[]): EndedSession {
  const ready: LaneRef[] = [];
  const settled: Settled[] = [];
  for (const each of returns) {
    if ('ready' in each) ready.push(each.ready);
    else settled.push(each);
  }
  return { ready: uniqueLanes(ready), events: recordsOf(settled), lostCount: returns.length };
}
