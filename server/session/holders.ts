import { ChurnMap } from '../../shared/churn.ts';
import type { Delivery } from '../model/task.ts';
import { type HeldDelivery, nameOf } from './ledger.ts';
import type { Session } from './session.ts';

/**
 * Which session holds a delivery on this node: its result may come up any stream, and frees the credit of the holder.
 * Bounded by the credit of all sessions.
 */
export interface Holders {
  add(session: Session, held: HeldDelivery): void;
  find(delivery: Delivery): Holder | undefined;
  /** The delivery is accounted for: nobody holds it any more. */
  drop(holder: Holder): void;
  /** Forgets a session and stops its clocks. */
  forget(session: Session): void;
  readonly size: number;
}

export interface Holder {
  readonly held: HeldDelivery;
  /**
   * Who has the delivery now: the next session of a client takes it over. It stays what it was once that is dropped.
   */
  readonly session: Session;
  readonly isDropped: boolean;
  /** The task has gone on with another delivery, which has its place. */
  readonly isOlder: boolean;
}

interface Entry extends Holder {
  session: Session;
  isDropped: boolean;
  isOlder: boolean;
}

export function createHolders(stopClocks: (held: HeldDelivery) => void): Holders {
  const newest = new ChurnMap<string, Entry>();
  // Deliveries that the server closed and whose client owes a report, while the task has gone on with another delivery.
  const older = new ChurnMap<string, Entry>();

  function find({ taskId, delivery }: Delivery): Entry | undefined {
    const entry = newest.get(taskId);
    if (entry?.held.delivery === delivery) return entry;
    return older.size === 0 ? undefined : older.get(nameOf({ taskId, delivery }));
  }

  function remove(entry: Entry): void {
    const { held } = entry;
    if (!entry.isDropped) {
      if (entry.isOlder) older.delete(nameOf(held));
      else newest.delete(held.taskId);
    }
    entry.isDropped = true;
    stopClocks(held);
  }

  function setAside(entry: Entry): void {
    const name = nameOf(entry.held);
    const before = older.get(name);
    if (before) before.isDropped = true;
    entry.isOlder = true;
    older.set(name, entry);
  }

  return {
    add(session, held) {
      const before = newest.get(held.taskId);
      if (before?.held === held) {
        before.session = session;
        return;
      }
      const old = older.size > 0 ? older.get(nameOf(held)) : undefined;
      if (old?.held === held) {
        old.session = session;
        return;
      }
      if (before && before.held.delivery !== held.delivery) setAside(before);
      else if (before) before.isDropped = true;
      newest.set(held.taskId, { session, held, isDropped: false, isOlder: false });
    },
    find,
    drop(holder) {
      holder.session.ledger.drop(holder.held);
      remove(holder);
    },
    forget(session) {
      for (const held of session.ledger.held) {
        const entry = find(held);
        // The next session of the client may have taken the delivery over, with the clocks that run.
        if (entry?.held === held && entry.session !== session) continue;
        if (entry?.held === held) remove(entry);
        else stopClocks(held);
      }
    },
    get size() {
      return newest.size + older.size;
    },
  };
}
