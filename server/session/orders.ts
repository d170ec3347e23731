import type { ContactError } from '../../shared/errors.ts';
import type { SessionOrder } from '../dispatch/listen.ts';
import type { TaskQueue } from '../dispatch/queue.ts';
import type { Attempts } from './attempts.ts';
import { replacedBy } from './closing.ts';
import type { Holders } from './holders.ts';
import { type Held, nameOf } from './ledger.ts';
import type { Roster } from './roster.ts';
import type { Session } from './session.ts';

export interface OrdersOptions {
  readonly queue: Pick<TaskQueue, 'orders$'>;
  readonly roster: Roster;
  readonly holders: Holders;
  readonly attempts: Attempts;
  readonly lose: (session: Session, error: ContactError) => void;
}

/**
 * Does what dispatch orders of sessions, whoever asked for it. An order may concern nobody here, or come again: then
 * there is nothing to do.
 */
export interface Orders {
  /** The session has been given this: an order may have come before it. */
  held(session: Session, held: Held): void;
  close(): void;
}

/**
 * Cancels that are kept for deliveries which nobody here has, the newest of them: a task may be on its way to its
 * session, or a session on its way back, while another node's cancel is heard already.
 */
const MAX_EARLY = 10_000;

export function obeyOrders({ queue, roster, holders, attempts, lose }: OrdersOptions): Orders {
  /** The reasons of cancels that came before their deliveries were pushed. */
  const early = new Map<string, string>();

  function obey(order: SessionOrder): void {
    switch (order.kind) {
      case 'cancel': {
        const holder = holders.find(order);
        if (holder) attempts.cancel(holder.session, holder.held, order.reason);
        else keepEarly(nameOf(order), order.reason);
        break;
      }
      case 'replaced': {
        const session = [...roster.all].find((one) => one.session.key === order.session.key);
        if (session) lose(session, replacedBy(session.clientId));
        break;
      }
      case 'drain':
        for (const session of roster.ofClient(order.clientId)) session.drain(order.isDrained);
    }
  }

  function keepEarly(name: string, reason: string): void {
    if (early.size >= MAX_EARLY) early.delete(early.keys().next().value!);
    early.set(name, reason);
  }

  const subscription = queue.orders$.subscribe(obey);

  return {
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
