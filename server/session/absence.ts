import type { Ends } from './ends.ts';
import type { Holders } from './holders.ts';
import { mayHaveStarted } from './ledger.ts';
import type { Absent } from './lost.ts';
import { advance } from './phases.ts';
import type { Session } from './session.ts';

/** A session whose streams have ended, as the one that its client may come back to. */
export type CreateAbsent = (session: Session, isResumable: boolean) => Absent;

export function createAbsence(holders: Holders, ends: Pick<Ends, 'note'>): CreateAbsent {
  /** What it had begun, and no session of its client has taken over: nobody knows how long that ran. */
  function noteLosses({ clientId, ledger }: Session): void {
    for (const held of ledger.held) {
      if (held.isClosed || held.isSettling || held.isEnding || !mayHaveStarted(held)) continue;
      const holder = holders.find(held);
      if (holder?.held === held && holder.session.ledger === ledger) ends.note(clientId, true, null);
    }
  }

  return (session, isResumable) => {
    const { clientId, subject, isDraining, ledger, options } = session;
    const { id, isNamed, caller } = options;
    return {
      ...{ session: session.session, id, clientId, subject, isNamed, isResumable, isDraining },
      ...(caller && { caller }),
      held: ledger.held,
      onEnded: (end) => {
        // The window may run out while the client comes back, and the session has one end all the same.
        if (session.phase === 'away') advance(session, end);
        noteLosses(session);
        holders.forget(session);
      },
    };
  };
}
