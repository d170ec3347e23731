import type { TaskQueue } from '../dispatch/queue.ts';
import type { SessionRef } from '../model/task.ts';
import type { OpenedSession, SessionOpening } from '../store/sessions.ts';
import { type Held, mayHaveBegun } from './ledger.ts';
import type { Lost } from './lost.ts';
import type { Roster } from './roster.ts';

export interface BegunOptions {
  readonly roster: Roster;
  readonly lost: Lost;
  /** The client says that nothing has begun but what it told. */
  readonly isComplete: boolean;
}

/**
 * Of what the sessions of a client hold, here and while it is away, the deliveries that count as begun: should the store
 * end such a session, because the next registration takes its place, or give back what that registration does not name.
 */
export function begunBy(clientId: string, { roster, lost, isComplete }: BegunOptions): readonly Held[] {
  const held = roster.ofClient(clientId).flatMap(({ ledger }) => ledger.held);
  const all = [...held, ...lost.heldBy(clientId, !isComplete)];
  return all.filter(isComplete ? ({ isStarted }) => isStarted === true : mayHaveBegun);
}

/** The sessions whose starts were told to this node, or that an earlier process of it left. */
export function knownSessionsOf(clientId: string, roster: Roster, lost: Lost): readonly SessionRef[] {
  return [...roster.ofClient(clientId).map(({ session }) => session), ...lost.sessionsOf(clientId)];
}

interface OpenRowOptions {
  readonly queue: TaskQueue;
  readonly roster: Roster;
}

/**
 * Opens the row of a session. Others of its client, whose place it may take, are given nothing meanwhile, lest a task is
 * pushed to them that counts as never pushed.
 */
export async function openRow({ queue, roster }: OpenRowOptions, opening: SessionOpening): Promise<OpenedSession> {
  const others = opening.isNamed || opening.resume ? roster.ofClient(opening.clientId) : [];
  for (const other of others) queue.detach(other);
  const ended = new Set<number>();
  try {
    const opened = await queue.openSession(opening);
    for (const { key } of [opened.session, ...opened.replaced]) ended.add(key);
    return opened;
  } finally {
    for (const other of others) if (roster.has(other) && !ended.has(other.session.key)) queue.attach(other);
  }
}
