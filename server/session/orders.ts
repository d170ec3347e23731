import type { ContactError } from '../../shared/errors.ts';
import type { SessionOrder } from '../dispatch/listen.ts';
import type { TaskQueue } from '../dispatch/queue.ts';
import type { Delivery } from '../model/task.ts';
import type { Attempts } from './attempts.ts';
import { RESUMED, replacedBy } from './closing.ts';
import type { Holders } from './holders.ts';
import type { Journal } from './journal.ts';
import { type HeldDelivery, nameOf } from './ledger.ts';
import type { Roster } from './roster.ts';
import type { Session } from './session.ts';
import type { ClientStreams } from './streams.ts';

export interface OrdersOptions {
  readonly queue: Pick<TaskQueue, 'orders$'>;
  readonly roster: Roster;
  readonly holders: Holders;
  readonly attempts: Attempts;
  readonly streams: ClientStreams;
  readonly journal: Journal;
  readonly lose: (session: Session, error: ContactError) => void;
}

/**
 * Does what dispatch orders of sessions, whoever asked for it. An order may concern nobody here, or come again: then
 * there is nothing to do.
 */
export interface Orders {
  /** The session has been given this delivery: an order may have come before it. */
  held(session: Session, held: HeldDelivery): void;
  obey(order: SessionOrder): void;
  /** A session of this client is about to be opened, one at a time: until `endOpening` a drain is kept for it. */
  beginOpening(clientId: string): void;
  /** The drain that was ordered since `beginOpening`; null: none. */
  drainMeanwhile(clientId: string): boolean | null;
  endOpening(clientId: string): void;
  close(): void;
}

/**
 * How many cancels are remembered for deliveries which nobody here has, the newest of them: a task may be on its way to
 * its session, or a session on its way back, while another node's cancel is heard already.
 */
export const MAX_EARLY = 10_000;

export function obeyOrders({ queue, roster, holders, attempts, streams, journal, lose }: OrdersOptions): Orders {
  /** The reasons of cancels that came before their deliveries were pushed. */
  const early = new Map<string, string>();
  /** Drains for clients whose session is being opened, one at a time each. Bounded by the sessions being opened. */
  const drainByClient = new Map<string, boolean | null>();

  function obey(order: SessionOrder): void {
    switch (order.kind) {
      case 'cancel': {
        const holder = holders.find(order);
        if (holder) attempts.cancel(holder.session, holder.held, order.reason);
        else keepEarly(nameOf(order), order.reason);
        break;
      }
      case 'ended':
        for (const delivery of order.deliveries) forget(delivery);
        break;
      case 'resumed':
      case 'replaced': {
        const session = findOpen(order.session.key);
        if (!session) break;
        if (order.kind === 'replaced') lose(session, replacedBy(session.clientId));
        else if (session.session.epoch < order.session.epoch) lose(session, RESUMED);
        break;
      }
      case 'drain':
        if (order.isRemembered && drainByClient.has(order.clientId)) drainByClient.set(order.clientId, order.isDrained);
        for (const session of roster.ofClient(order.clientId)) {
          if (order.isDrained && !session.isDraining) journal.drained(session);
          session.drain(order.isDrained);
        }
        if (order.isRemembered || !order.isDrained || streams.subjectOf(order.clientId) !== undefined)
          streams.drain(order.clientId, order.isDrained);
    }
  }

  const findOpen = (key: number): Session | undefined => [...roster.all].find((one) => one.session.key === key);

  /**
   * Forgets a delivery that has ended elsewhere: its client owes no report here. What is on its way into the store from
   * here ends by itself.
   */
  function forget(delivery: Delivery): void {
    const holder = holders.find(delivery);
    if (!holder || holder.held.isSettling || holder.held.isEnding || holder.held.isClosed) return;
    const { session } = holder;
    session.isOverdue = false;
    holders.drop(holder);
    session.options.onCapacity(session);
  }

  function keepEarly(name: string, reason: string): void {
    if (early.size >= MAX_EARLY) early.delete(early.keys().next().value!);
    early.set(name, reason);
  }

  const subscription = queue.orders$.subscribe(obey);

  return {
    obey,
    beginOpening: (clientId) => void drainByClient.set(clientId, null),
    drainMeanwhile: (clientId) => drainByClient.get(clientId) ?? null,
    endOpening: (clientId) => void drainByClient.delete(clientId),
    held(session, held) {
      if (early.size === 0) return;
      const reason = early.get(nameOf(held));
      if (reason === undefined) return;
      early.delete(nameOf(held));
      // The task itself is written first.
      queueMicrotask(() => attempts.cancel(session, held, reason));
    },
    close: () => subscription.unsubscribe(),
  };
}
