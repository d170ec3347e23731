import { setImmediate as nextTurn } from 'node:timers/promises';
import type { Clock } from '../../shared/clock.ts';
import type { SessionOrder } from '../dispatch/listen.ts';
import { POLL_MS } from '../dispatch/poll.ts';
import { retryAfterMs } from '../store/failure.ts';
import type { SessionStanding, SessionStore } from '../store/sessions.ts';
import type { Store } from '../store/store.ts';
import { type HeldDelivery, nameOf } from './ledger.ts';
import type { Roster } from './roster.ts';
import type { Session } from './session.ts';
import type { SessionSettings } from './settings.ts';

/** Sessions that the store is asked about at once. */
const PAGE = 500;

export interface StandingOptions {
  readonly store: Pick<SessionStore, 'describeSessions'> & Pick<Store, 'capabilities'>;
  readonly clock: Clock;
  readonly roster: Roster;
  /** Default: POLL_MS. */
  readonly settings: Pick<SessionSettings, 'pollMs'>;
  /** Takes over the sessions of nodes that are gone for good, which were given to this one. */
  readonly recover: () => Promise<void>;
  /** Does what dispatch would order. */
  readonly obey: (order: SessionOrder) => void;
  readonly onFatal: (error: unknown) => void;
}

/** A session as it was when the store was asked. */
interface Before {
  readonly held: readonly HeldDelivery[];
  readonly isDraining: boolean;
}

/**
 * Covers signals about sessions that went missing between nodes: now and then the store is asked how the rows of those
 * that are open here stand, and what others did to them is done here too: they were replaced or resumed elsewhere, a
 * cancel was asked for, a delivery has ended, the client was drained. The answer stops it.
 */
export function watchStanding(options: StandingOptions): () => void {
  const { store, clock, roster, recover, obey, onFatal } = options;
  const { pollMs = POLL_MS } = options.settings;
  // A store of one process tells that process of everything.
  if (!store.capabilities.isShared) return () => undefined;
  let isStopped = false;
  let stop = wait();

  function wait(): () => void {
    return clock.after(pollMs, () => look().catch(onFatal));
  }

  async function look(): Promise<void> {
    const sessions = [...roster.all];
    try {
      for (let at = 0; at < sessions.length && !isStopped; at += PAGE) {
        const page = sessions.slice(at, at + PAGE);
        // The answer is compared with what they had when the store was asked: it knows nothing of what comes later.
        const before = page.map(({ session, ledger, isDraining }) => ({ ref: session, held: ledger.held, isDraining }));
        const standings = await store.describeSessions(before.map(({ ref }) => ref));
        page.forEach((session, index) => {
          if (!isStopped && roster.has(session)) compare(session, before[index]!, standings[index]!);
        });
        await nextTurn();
      }
      await recover();
    } catch (error) {
      // The next look is the next try, whenever the store would take one.
      retryAfterMs(error);
    }
    if (!isStopped) stop = wait();
  }

  function compare(session: Session, { held, isDraining }: Before, standing: SessionStanding): void {
    const { session: ref, clientId } = session;
    if (standing.kind !== 'open') {
      const isGone = standing.kind === 'gone';
      obey(
        isGone ? { kind: 'replaced', session: ref } : { kind: 'resumed', session: { ...ref, epoch: ref.epoch + 1 } },
      );
      return;
    }
    const running = new Map(standing.running.map((one) => [nameOf(one), one]));
    // The client still owes a report of what the server closed itself.
    const ended = held.filter((one) => !one.isClosed && !one.isEnding && !running.has(nameOf(one)));
    if (ended.length > 0) obey({ kind: 'ended', deliveries: ended });
    for (const one of held) {
      const reason = running.get(nameOf(one))?.cancelReason ?? null;
      if (reason !== null && one.cancelReason === null) obey({ kind: 'cancel', ...nameDelivery(one), reason });
    }
    const { isDrained } = standing;
    const isAsBefore = session.isDraining === isDraining;
    if (isDrained !== null && isAsBefore && isDrained !== isDraining)
      obey({ kind: 'drain', clientId, isDrained, isRemembered: true });
  }

  return () => {
    isStopped = true;
    stop();
  };
}

function nameDelivery({ taskId, delivery }: HeldDelivery): Pick<HeldDelivery, 'taskId' | 'delivery'> {
  return { taskId, delivery };
}
