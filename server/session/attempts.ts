import type { Clock, Random } from '../../shared/clock.ts';
import type { TaskQueue } from '../dispatch/queue.ts';
import type { Timers } from '../dispatch/timers.ts';
import type { Progress } from '../model/waiting.ts';
import type { Settlement, SettleOutcome } from '../store/deliveries.ts';
import { retryAfterMs } from '../store/failure.ts';
import type { Ends } from './ends.ts';
import type { Holder, Holders } from './holders.ts';
import { forgetStart, type HeldDelivery, noteProgress, noteStart, runTimeOf, startOf } from './ledger.ts';
import type { Session } from './session.ts';
import type { SessionSettings } from './settings.ts';

/**
 * The clocks of running attempts: their timeout, from `started`, and the grace of a cancel. Both are acts of the
 * server, fenced by session and epoch, so one that comes too late changes nothing.
 */
export interface Attempts {
  /** The client says that work on the delivery has begun: its timeout runs. */
  start(held: HeldDelivery): void;
  /** The session is plain, as far as we know, and will not say when work begins: the timeout runs from now. */
  presume(held: HeldDelivery): void;
  /** The client tells how far it is. */
  note(held: HeldDelivery, progress: Omit<Progress, 'toldAt'>): void;
  /** The client of this session says what it begins: what it has not said has not begun, and has no timeout yet. */
  hear(session: Session): void;
  /** Pushes the cancel and starts its grace. */
  cancel(session: Session, held: HeldDelivery, reason: string): void;
}

export interface AttemptsOptions {
  readonly queue: TaskQueue;
  readonly timers: Timers;
  readonly settings: SessionSettings;
  readonly random: Random;
  readonly clock: Pick<Clock, 'now' | 'monotonic'>;
  readonly ends: Pick<Ends, 'note'>;
  readonly holders: () => Holders;
  readonly onFatal: (error: unknown) => void;
}

export function createAttempts(options: AttemptsOptions): Attempts {
  const { queue, timers, settings, random, clock, ends, onFatal } = options;

  /** The delivery as it stands now; sessions come and go while a clock runs. */
  function current(held: HeldDelivery): Pick<Holder, 'session' | 'held'> | undefined {
    const holder = options.holders().find(held);
    if (!holder || holder.held.isClosed || holder.held.isSettling) return undefined;
    // A copy: the holder may have another session a moment later.
    return { session: holder.session, held: holder.held };
  }

  async function close(
    held: HeldDelivery,
    reason: string,
    settlement: (session: Session) => Settlement,
  ): Promise<void> {
    const entry = current(held);
    if (!entry) return;
    let outcome: SettleOutcome | undefined;
    entry.held.isEnding = true;
    const ending = settlement(entry.session);
    try {
      [outcome] = await queue.settle([ending]);
    } catch (error) {
      const afterMs = retryAfterMs(error);
      const again = timers.create(() => close(held, reason, settlement).catch(onFatal));
      timers.set(again, afterMs);
      return;
    } finally {
      entry.held.isEnding = false;
    }
    if (outcome?.code !== 'STORED') {
      // Somebody else ended it; or its session was resumed meanwhile, and then this is up to the new one.
      const next = current(held);
      if (next && next.session !== entry.session) await close(held, reason, settlement);
      return;
    }
    // The credit stays taken until the client reports: it may well be at work still.
    entry.held.isClosed = true;
    if (ending.kind === 'failed' && outcome.event?.state !== 'cancelled') {
      ends.note(entry.session.clientId, true, runTimeOf(held, 0, clock.monotonic()));
    }
    entry.session.isOverdue = entry.session.status === null;
    entry.session.cancel(held, reason);
  }

  function startTimeout(held: HeldDelivery): void {
    if (held.timeoutMs === 0 || held.timeout) return;
    held.timeout = timers.create(() => {
      close(held, 'TIMEOUT', (owner) => ({
        kind: 'failed',
        taskId: held.taskId,
        delivery: held.delivery,
        session: owner.session,
        clientId: owner.clientId,
        startedAt: startOf(held),
        error: { code: 'TIMEOUT', message: `the attempt took longer than ${held.timeoutMs} ms` },
        retry: { kind: 'policy' },
        random: random(),
      })).catch(onFatal);
    });
    timers.set(held.timeout, held.timeoutMs);
  }

  return {
    start(held) {
      noteStart(held, true, clock);
      startTimeout(held);
    },

    presume(held) {
      if (held.isStarted !== true) noteStart(held, null, clock);
      startTimeout(held);
    },

    note: (held, progress) => noteProgress(held, progress, clock.now()),

    hear(session) {
      if (session.isHeard) return;
      session.isHeard = true;
      for (const held of session.ledger.held) {
        if (held.isStarted !== null) continue;
        forgetStart(held);
        if (held.timeout) timers.clear(held.timeout);
        held.timeout = undefined;
      }
    },

    cancel(session, held, reason) {
      held.cancelReason = reason;
      session.cancel(held, reason);
      if (held.grace) return;
      held.grace = timers.create(() => {
        close(held, reason, (owner) => ({
          kind: 'abandoned',
          taskId: held.taskId,
          delivery: held.delivery,
          session: owner.session,
          clientId: owner.clientId,
          startedAt: startOf(held),
        })).catch(onFatal);
      });
      timers.set(held.grace, settings.cancelGraceMs);
    },
  };
}
