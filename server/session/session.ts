import type { Deadline } from '../dispatch/timers.ts';
import type { ClaimedTask, Delivery } from '../model/task.ts';
import { splitTasks } from './batches.ts';
import { EXHAUSTED, SILENT } from './closing.ts';
import { createHeld, createLedger } from './ledger.ts';
import { type LivenessStep, nextStep, patienceMs } from './liveness.ts';
import type { StatusOutlet } from './outlet.ts';
import { advance, isOpen } from './phases.ts';
import { createReceipts } from './receipts.ts';
import type { Session, SessionOptions } from './sessiontypes.ts';
import { withTimeout } from './timeouts.ts';

export type { Session } from './sessiontypes.ts';

/** The part of an interval after which a ping is sent if nothing else was: looks are a little early or late. */
const QUIET = 0.9;

/** Messages after which a session is ended: half of what `seq` can count, so that no look at it comes too late. */
const MAX_SEQ = 2 ** 31;

/** Intervals after which the answering half of a status stream says something if nothing else was said. */
const STATUS_QUIET_INTERVALS = 3;

const DEAD: LivenessStep = Object.freeze({ kind: 'dead' });

export function createSession(options: SessionOptions, liveness: Deadline): Session {
  const { outlet, settings, budget } = options;
  const ledger = createLedger(0, settings.maxUnreceiptedBytes, budget, () => options.onCapacity(session));
  let status: StatusOutlet | null = null;
  const receipts = createReceipts();
  let seq = 0;
  let isFull = false;
  let fullAt = 0;
  let lastLifeAt = options.monotonic();
  let quietSince = lastLifeAt;
  let lastSentAt = lastLifeAt;
  /** When the status stream was last kept from being idle. */
  let keptAt = lastLifeAt;
  /** Since when the client has seen nothing of the bytes that it owes, if it owes some. */
  let owesSince = lastLifeAt;
  let isPinged = false;
  let isDoubted = false;
  /** When the next look is due. */
  let lookAt = lastLifeAt + settings.pingIntervalMs;

  const session: Session = {
    session: options.ref,
    clientId: options.clientId,
    subject: options.subject ?? '',
    queues: options.queues,
    labels: options.labels,
    options,
    ledger,
    phase: 'plain',
    get status() {
      return status;
    },
    isHeard: false,
    tellsStarts: false,
    get quietSince() {
      return quietSince;
    },
    isOverdue: false,
    isDraining: false,
    lastReceiptAt: 0,
    text: '',
    liveness,

    capacity() {
      return !isOpen(session.phase) || isFull || session.isDraining || session.isOverdue || options.brake.isOn
        ? { limit: 0, maxBytes: 0, mayExceed: false }
        : ledger.capacity();
    },

    standing() {
      const { standing } = ledger;
      if (session.isDraining) return { ...standing, kind: 'drained' };
      if (isFull || session.isOverdue) return { ...standing, kind: isFull ? 'unread' : 'overdue' };
      return options.brake.isOn ? { ...standing, kind: 'gives_back' } : standing;
    },

    push(given) {
      if (!isOpen(session.phase)) return;
      const tasks = options.timeouts ? given.map((task) => withTimeout(task, options.timeouts)) : given;
      const now = options.monotonic();
      for (const task of tasks) hold(task, now);
      for (const batch of splitTasks(tasks, settings.maxUnreceiptedBytes)) {
        if (ledger.unreceiptedBytes === 0) owesSince = now;
        const sent = seq + 1;
        ledger.sent(sent, batch.bytes);
        if (status) receipts.expect(sent);
        // A plain session gives no receipts: what the socket has taken counts as seen.
        session.send({ kind: 'tasks', tasks: batch.tasks }, status ? takeOldest : () => see(sent));
      }
    },

    pair(outlet) {
      advance(session, 'paired');
      status = outlet;
    },

    cancel: (delivery: Delivery, reason: string) => session.send({ kind: 'cancel', delivery, reason }),

    send(event, onTaken) {
      if (!isOpen(session.phase)) return;
      seq += 1;
      lastSentAt = options.monotonic();
      const hasRoom = outlet.send(seq, event, onTaken);
      if (!hasRoom && !isFull) {
        isFull = true;
        fullAt = options.monotonic();
      }
    },

    receipt: (upTo) => see(receipts.give(upTo, seq)),

    setCredit(credit) {
      const before = ledger.credit;
      ledger.credit = Math.min(credit, status ? settings.maxInFlight : settings.maxPlainInFlight);
      if (ledger.credit > before) options.onCapacity(session);
    },

    drain(isDraining) {
      if (session.isDraining === isDraining) return;
      session.isDraining = isDraining;
      if (isDraining) session.send({ kind: 'drain' });
      else options.onCapacity(session);
    },

    touch() {
      quietSince = lastLifeAt;
      lastLifeAt = options.monotonic();
      isPinged = false;
      isDoubted = false;
    },

    checkLiveness() {
      if (isExhausted()) return null;
      const interval = settings.pingIntervalMs;
      const now = options.monotonic();
      const step = isOverdue(now) ? DEAD : judge(now);
      let waitMs = step.kind === 'dead' ? 0 : step.ms;
      if (step.kind === 'dead') {
        if (isDoubted) return null;
        // After a pause of the process the answer may have come and not been read yet; the longer the pause, the more
        // there is to read first.
        isDoubted = true;
        waitMs = interval / 10 + Math.max(0, now - lookAt);
      } else {
        isDoubted = false;
      }
      if (step.kind === 'ping') {
        isPinged = true;
        session.send({ kind: 'ping' });
      } else if (!isPinged && !isFull && now - lastSentAt >= interval * QUIET) {
        // The client lives and has heard nothing, and a proxy between takes a stream for dead in which nothing goes its
        // way. A plain session answers nothing to this ping.
        session.send({ kind: 'ping' });
      }
      if (status && now - keptAt >= STATUS_QUIET_INTERVALS * interval) {
        keptAt = now;
        status.keep?.();
      }
      lookAt = now + waitMs;
      return waitMs;
    },

    get endReason() {
      return isExhausted() ? EXHAUSTED : SILENT;
    },

    end(error) {
      if (!isOpen(session.phase)) return;
      advance(session, 'gone');
      ledger.close();
      outlet.end(error);
      status?.end(error);
    },
  };

  function isExhausted(): boolean {
    return seq >= (options.maxSeq ?? MAX_SEQ);
  }

  /** The socket has the oldest of what it had not. */
  function takeOldest(): void {
    const seen = receipts.take();
    if (seen !== undefined) see(seen);
  }

  function see(upTo: number): void {
    if (!isOpen(session.phase) || !ledger.receipt(upTo)) return;
    owesSince = options.monotonic();
    options.onCapacity(session);
  }

  function judge(now: number): LivenessStep {
    if (status) return nextStep(now - lastLifeAt, isPinged, settings, ledger.unreceiptedBytes);
    // A plain session's liveness is its connection's, as long as it reads.
    const isStuck = isFull && now - fullAt >= patienceMs(settings, settings.maxUnreceiptedBytes);
    return isStuck ? DEAD : { kind: 'wait', ms: settings.pingIntervalMs };
  }

  /**
   * Whether the bytes that it owes are overdue, whatever else it says: sooner when others wait for the common budget.
   */
  function isOverdue(now: number): boolean {
    const { unreceiptedBytes, isReader } = ledger;
    if (unreceiptedBytes === 0) return false;
    const isWaitedFor = budget.isFull || !(budget.isTrusting || isReader);
    return now - owesSince >= patienceMs(settings, isWaitedFor ? 0 : unreceiptedBytes);
  }

  function hold(task: ClaimedTask, now: number): void {
    const isLast = task.attempt >= task.maxAttempts;
    const held = createHeld({ taskId: task.id, delivery: task.delivery }, task.timeoutMs, isLast, false);
    held.since = now;
    ledger.hold(held);
    options.onHeld(session, held);
  }

  outlet.onDrain(() => {
    isFull = false;
    if (isOpen(session.phase)) options.onCapacity(session);
  });

  return session;
}
