import type { Clock } from '../../shared/clock.ts';
import type { OpenedSession } from '../store/sessions.ts';
import type { Attempts } from './attempts.ts';
import type { Holders } from './holders.ts';
import { heldOf, nameOf } from './ledger.ts';
import type { Gone } from './lost.ts';
import type { Orders } from './orders.ts';
import type { Session } from './session.ts';
import { withTimeout } from './timeouts.ts';

export interface CarryOverParts {
  readonly holders: Holders;
  readonly orders: Orders;
  readonly attempts: Attempts;
  readonly clock: Clock;
}

/**
 * What the client still has goes over to its new session, with the clocks that run already and the cancels that came
 * since the store was asked.
 */
export function carryOver(
  { holders, orders, attempts, clock }: CarryOverParts,
  session: Session,
  opened: OpenedSession,
  gone: readonly Gone[],
): void {
  const before = new Map(gone.flatMap(({ held }) => held.map((one) => [nameOf(one), one])));
  for (const task of opened.held) {
    const held = before.get(nameOf(task)) ?? heldOf(task, clock);
    held.timeoutMs ||= withTimeout(task, session.options.timeouts).timeoutMs;
    session.ledger.hold(held);
    holders.add(session, held);
    orders.held(session, held);
    if (held.isStarted === true) attempts.start(held);
    else if (held.isStarted === null && !session.status) attempts.presume(held);
    const reason = task.cancelReason ?? held.cancelReason;
    if (reason !== null) attempts.cancel(session, held, reason);
  }
  for (const one of gone) one.onEnded(one.end);
}
