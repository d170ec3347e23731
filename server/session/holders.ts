import type { Delivery } from '../model/task.ts';
import { type Held, nameOf } from './ledger.ts';
import type { Session } from './session.ts';

/**
 * Which session holds a task on this node: results may come up any stream, the books are the holder's.
 * Bounded by the credit of all sessions.
 */
export interface Holders {
  add(session: Session, held: Held): void;
  find(delivery: Delivery): { readonly session: Session; readonly held: Held } | undefined;
  /** Accounted for: out of the books. */
  drop(session: Session, held: Held): void;
  /** Forgets a session and stops its clocks. */
  forget(session: Session): void;
  readonly size: number;
}

interface Entry {
  readonly session: Session;
  readonly held: Held;
}

export function createHolders(stopClocks: (held: Held) => void): Holders {
  const newest = new Map<string, Entry>();
  // Of deliveries that the server closed and whose client owes a word, while the task has gone on with another.
  const older = new Map<string, Entry>();

  function find({ taskId, delivery }: Delivery): Entry | undefined {
    const entry = newest.get(taskId);
    if (entry?.held.delivery === delivery) return entry;
    return older.size === 0 ? undefined : older.get(nameOf({ taskId, delivery }));
  }

  function remove(session: Session, held: Held): void {
    const entry = newest.get(held.taskId);
    const old = entry?.held !== held && older.size > 0 ? older.get(nameOf(held)) : undefined;
    const holder = entry?.held === held ? entry : old?.held === held ? old : undefined;
    // The client's next session may have taken it over, with the clocks that run.
    if (holder && holder.session !== session) return;
    if (holder && holder === entry) newest.delete(held.taskId);
    else if (holder) older.delete(nameOf(held));
    stopClocks(held);
  }

  return {
    add(session, held) {
      const before = newest.get(held.taskId);
      if (before && before.held.delivery !== held.delivery) older.set(nameOf(before.held), before);
      newest.set(held.taskId, { session, held });
    },
    find,
    drop(session, held) {
      session.ledger.drop(held);
      remove(session, held);
    },
    forget(session) {
      for (const held of session.ledger.held) remove(session, held);
    },
    get size() {
      return newest.size + older.size;
    },
  };
}
