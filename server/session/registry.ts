import type { Clock, Random } from '../../shared/clock.ts';
import { createCollector } from '../../shared/collect.ts';
import type { ContactError } from '../../shared/errors.ts';
import type { TaskQueue } from '../dispatch/queue.ts';
import { createTimers } from '../dispatch/timers.ts';
import type { Delivery } from '../model/task.ts';
import type { ClientStore } from '../store/clients.ts';
import type { NoteFailure } from '../store/failure.ts';
import type { OpenedSession, SessionStore } from '../store/sessions.ts';
import type { Store } from '../store/store.ts';
import { createAbsence } from './absence.ts';
import { createAttempts } from './attempts.ts';
import { createBrake } from './brake.ts';
import { createByteBudget } from './budget.ts';
import { carryOver } from './carryover.ts';
import { type Clients, createClients } from './clients.ts';
import { DISCONNECTED, GONE, isExpelled, notPaired, RESUMED, replacedBy, SERVER_SHUTDOWN } from './closing.ts';
import { createEnds } from './ends.ts';
import { createHolders } from './holders.ts';
import { type Journal, NO_JOURNAL } from './journal.ts';
import { createLookout } from './lookout.ts';
import { createLost, type Gone, type Lost } from './lost.ts';
import { type MeasureSessions, measureSessions } from './measure.ts';
import { checkFree, knownSessionsOf, openRow, startedBy } from './opening.ts';
import { obeyOrders } from './orders.ts';
import type { StatusOutlet } from './outlet.ts';
import { createPairing, isNamedBy, type StatusName } from './pairing.ts';
import { recoverSessions } from './recover.ts';
import { digest, previousOf, type Registration } from './registration.ts';
import { createTakeResults, type TakeResults } from './results.ts';
import { createRoster, type Roster } from './roster.ts';
import { createDescribeRun, type DescribeRun } from './runs.ts';
import { createSerial } from './serial.ts';
import { createSession, type Session } from './session.ts';
import type { SessionSettings } from './settings.ts';
import { watchStanding } from './standing.ts';
import { createTakeReceipt, createTakeStatus, type TakeReceipt, type TakeStatus } from './status.ts';
import { type ClientStreams, NO_STREAMS } from './streams.ts';

export interface RegistryOptions {
  readonly queue: TaskQueue;
  readonly store: SessionStore & ClientStore & Pick<Store, 'capabilities' | 'checkpointTasks' | 'logTasks'>;
  readonly clock: Clock;
  readonly random: Random;
  readonly settings: SessionSettings;
  readonly noteFailure: NoteFailure;
  readonly onFatal: (error: unknown) => void;
  readonly streams?: ClientStreams;
  readonly journal?: Journal;
}

/** Who is connected, and what becomes of the tasks of those who are not any more. */
export interface Registry {
  /** Sessions whose task stream is open. */
  readonly sessions: ReadonlySet<Session>;
  /** Takes over what an earlier process left, or was given to this node; its windows run from now. */
  recover(): Promise<void>;
  open(registration: Registration): Promise<Session>;
  /** A stream of the session has gone, whoever ended it, or ends with this error: then both end with the same. */
  disconnect(session: Session, error?: ContactError): void;
  /** The client has said all that it has to say: its streams end with OK if it owes nothing. */
  leaveSession(session: Session): void;
  /** Pairs a status stream with its session, whichever came first. To another client it is as if there were none. */
  attachStatus(name: StatusName, outlet: StatusOutlet): Promise<Session>;
  report: TakeStatus;
  /** Takes a receipt alone: the same as a report that says nothing else. */
  receipt: TakeReceipt;
  /** Takes results that come without a session. */
  readonly tell: TakeResults;
  /** What sessions without a name of this client held when an earlier process ended, while their window lasts. */
  leftBy(clientId: string, subject: string): readonly Delivery[];
  readonly clients: Clients;
  readonly describeRun: DescribeRun;
  readonly measure: MeasureSessions;
  readonly isOpen: Roster['isOpen'];
  /** Whether a client comes back to its session, open or away, or takes its place by its name. */
  isReturning(registration: Registration): boolean;
  readonly refused: Journal['refused'];
  readonly expel: Lost['expel'];
  /** Ends the streams of a client once; it may come again. Answers how many sessions and other streams that were. */
  disconnectClient(clientId: string): number;
  /**
   * Stops claiming, tells everybody that `deadlineMs` are left, and waits until nobody holds anything or it is over.
   */
  leave(deadlineMs: number, isOver: () => boolean): Promise<void>;
  /** Ends every stream; nothing is released. */
  close(): void;
}

export function createRegistry(options: RegistryOptions): Registry {
  const { queue, store, clock, random, settings, noteFailure, onFatal } = options;
  const { streams = NO_STREAMS, journal = NO_JOURNAL } = options;
  const timers = createTimers(clock);
  const roster = createRoster();
  const budget = createByteBudget(settings.unreceiptedBudgetBytes, createCollector(clock.monotonic));
  const holders = createHolders((held) => {
    if (held.timeout) timers.clear(held.timeout);
    if (held.grace) timers.clear(held.grace);
  });
  const { monotonic } = clock;
  const ends = createEnds(monotonic);
  const absent = createAbsence(holders, ends);
  const ending = { queue, random, ends };
  const takeResults = createTakeResults({
    ...ending,
    holders,
    absent: () => lost,
    monotonic,
    noteFailure,
    ...settings,
  });
  const attempts = createAttempts({ ...ending, timers, settings, clock, holders: () => holders, onFatal });
  const takeReceipt = createTakeReceipt(clock, attempts);
  const taking = { attempts, holders, takeResults, takeReceipt, noteFailure };
  const takeStatus = createTakeStatus({ queue, store, now: clock.now, ...taking });
  const lost = createLost({ queue, timers, windowMs: settings.resumeWindowMs, noteFailure, onFatal });
  const runAlone = createSerial();
  const pairing = createPairing(timers, settings.pairingMs);
  const lookout = createLookout(timers, settings.pingIntervalMs, (session) => lose(session, session.endReason));

  /** Takes a session out of those that may be given tasks; its row and what it holds stay. */
  function retire(session: Session, error: ContactError | null): void {
    queue.detach(session);
    timers.clear(session.liveness);
    session.options.brake.close();
    roster.delete(session);
    if (!roster.hasClient(session.clientId)) ends.left(session.clientId);
    journal.ended(session, error);
    session.end(error);
  }

  function lose(session: Session, error: ContactError | null): void {
    if (!roster.has(session)) return;
    retire(session, error);
    const { isResumable, isAnswerable = false } = session.options;
    lost.add(absent(session, !isExpelled(error) && (isResumable || (isAnswerable && session.ledger.size > 0))));
  }

  /** Ends the streams that this session takes the place of; answers what they, and those that were away, held. */
  function succeed(opened: OpenedSession, clientId: string): readonly Gone[] {
    const gone: Gone[] = [];
    for (const { key } of [opened.session, ...opened.replaced]) {
      const end = key === opened.session.key ? 'resumed' : 'replaced';
      const away = lost.take(key);
      if (away) gone.push({ ...away, end });
      for (const other of roster.ofClient(clientId)) {
        if (other.session.key !== key) continue;
        // A client that never heard of its resume may come again by the same name.
        retire(other, end === 'resumed' ? RESUMED : replacedBy(clientId));
        gone.push({ ...absent(other, false), end });
      }
    }
    return gone;
  }

  async function open(registration: Registration): Promise<Session> {
    // The credit that the client is told depends on its SendStatus, which may be a moment behind.
    if (registration.isResumable && registration.credit > settings.maxPlainInFlight) {
      await pairing.soon(registration);
    }
    const { clientId } = registration;
    return runAlone(clientId, () => {
      orders.beginOpening(clientId);
      return journal.watch(registration, openNow(registration)).finally(() => orders.endOpening(clientId));
    });
  }

  async function openNow(registration: Registration): Promise<Session> {
    checkFree(registration, { roster, streams });
    const { resume, clientId, isNamed } = registration;
    // The session before lives until the store has said that it is this client's, and has let the new one in.
    const opened = await openRow(
      { queue, roster },
      {
        secretHash: digest(registration.id),
        subject: registration.subject,
        clientId,
        isNamed,
        labels: registration.labels,
        queues: registration.queues,
        node: settings.node,
        started: startedBy(clientId, { roster, lost, isComplete: false }),
        knownSessions: knownSessionsOf(clientId, roster, lost),
        resume: resume && { ...previousOf(resume), started: startedBy(clientId, { roster, lost, ...resume }) },
      },
    );
    const { key, epoch } = opened.session;
    // Of two resumes of one session the later counts, whichever is heard of first.
    if (roster.ofClient(clientId).some((one) => one.session.key === key && one.session.epoch > epoch)) throw RESUMED;
    const gone = succeed(opened, clientId);

    const session = createSession(
      {
        ...registration,
        ref: opened.session,
        budget,
        settings,
        brake: createBrake(timers, () => queue.freed(session)),
        connectedAt: clock.now(),
        monotonic: clock.monotonic,
        onCapacity: (one) => queue.freed(one),
        onHeld: (one, held) => {
          holders.add(one, held);
          orders.held(one, held);
          if (one.status) return;
          // A plain session says no `started`: it has begun when it was pushed.
          attempts.presume(held);
          queue.activities.tell(held.taskId, { kind: 'started', delivery: held.delivery });
        },
      },
      timers.create(() => lookout.look(session)),
    );
    roster.add(session);
    ends.arrived(clientId);
    const waiting = pairing.takeOutlet(registration);
    if (waiting) session.pair(waiting);
    session.setCredit(registration.credit);
    const { closed, resumed } = opened;
    session.send({ kind: 'registered', clientId, resumed, closed, maxInFlight: session.ledger.credit });
    // The drain of a named client is remembered by the store.
    const wasDrained = !isNamed && gone.some((one) => one.isDraining && one.session.key === key);
    if (orders.drainMeanwhile(clientId) ?? (opened.isDrained || wasDrained)) session.drain(true);
    carryOver({ holders, orders, attempts, clock }, session, opened, gone);
    lookout.expect(session);
    pairing.announce(registration, session);
    journal.opened(session, resumed);
    queue.attach(session);
    return session;
  }

  const orders = obeyOrders({ queue, roster, holders, attempts, streams, journal, lose });
  const recover = (): Promise<void> => recoverSessions(store, roster, lost, clock);

  const stopLooking = watchStanding({ store, clock, roster, settings, recover, obey: orders.obey, onFatal });

  return {
    sessions: roster.all,
    clients: createClients({ store, roster, streams, lost, ends, clock }),
    describeRun: createDescribeRun(holders, lost),
    recover,
    open,
    measure: () => measureSessions(roster, streams, budget),
    isOpen: roster.isOpen,
    isReturning: (registration) => roster.isReturning(registration) || lost.isAwaited(registration),
    refused: journal.refused,
    expel: lost.expel,
    disconnect: (session, error = GONE) => lose(session, error),
    leaveSession: (session) => lose(session, session.ledger.size + session.ledger.unreceiptedBytes === 0 ? null : GONE),
    disconnectClient(clientId) {
      const ended = roster.ofClient(clientId).map((session) => lose(session, DISCONNECTED));
      return ended.length + streams.disconnect(clientId);
    },
    async attachStatus(name, outlet) {
      const open = roster.find(name.sessionId);
      const session = open && isNamedBy(open.options, name) ? open : await pairing.expect(name, outlet);
      if (session.status && session.status !== outlet) {
        throw notPaired('ALREADY_EXISTS', 'this session has a SendStatus stream already');
      }
      if (session.status !== outlet) {
        session.pair(outlet);
        session.touch();
        // The session was never plain: its SendStatus was only behind.
        attempts.hear(session);
        session.setCredit(session.options.credit);
        lookout.expect(session);
      }
      return session;
    },
    report: takeStatus,
    receipt: takeReceipt,
    tell: takeResults,
    leftBy: lost.leftBy,

    async leave(deadlineMs, isOver) {
      queue.stopClaiming();
      for (const session of roster.all) session.send({ kind: 'moving', afterMs: deadlineMs });
      while (!isOver() && [...roster.all].some((session) => session.ledger.size > 0)) {
        await new Promise<void>((resolve) => {
          timers.set(timers.create(resolve), Math.min(20, Math.max(1, deadlineMs)));
        });
      }
    },

    close() {
      stopLooking();
      orders.close();
      timers.close();
      for (const session of roster.all) {
        roster.delete(session);
        session.end(SERVER_SHUTDOWN);
      }
    },
  };
}
