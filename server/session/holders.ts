import type { Delivery } from '../model/task.ts';
import type { Held } from './ledger.ts';
import type { Session } from './session.ts';

/**
 * Which session holds a task on this node: results may come up any stream, the books are the holder's.
 * Bounded by the credit of all sessions.
 */
export interface Holders {
  add(session: Session, held: Held): void;
  find(delivery: Delivery): { readonly session: Session; readonly held: Held } | undefined;
  findTask(taskId: string): { readonly session: Session; readonly held: Held } | undefined;
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
  const byTask = new Map<string, Entry>();

  function remove(session: Session, held: Held): void {
    const entry = byTask.get(held.taskId);
    // The client's next session may have taken it over, with the clocks that run.
    if (entry?.held === held && entry.session !== session) return;
    if (entry?.held === held) byTask.delete(held.taskId);
    stopClocks(held);
  }

  return {
    add(session, held) {
      byTask.set(held.taskId, { session, held });
    },
    find({ taskId, delivery }) {
      const entry = byTask.get(taskId);
      return entry?.held.delivery === delivery ? entry : undefined;
    },
    findTask: (taskId) => byTask.get(taskId),
    drop(session, held) {
      session.ledger.drop(held);
      remove(session, held);
    },
    forget(session) {
      for (const held of session.ledger.held.values()) remove(session, held);
    },
    get size() {
      return byTask.size;
    },
  };
}
