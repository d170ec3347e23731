import type { TaskQueue } from '../dispatch/queue.ts';
import { isSamePrincipal, takenByAnother } from '../model/owner.ts';
import type { SessionRef } from '../model/task.ts';
import type { OpenedSession, SessionOpening, StartedDelivery } from '../store/sessions.ts';
import { notPaired } from './closing.ts';
import { mayHaveStarted, toStarted } from './ledger.ts';
import type { Lost } from './lost.ts';
import type { Registration } from './registration.ts';
import type { Roster } from './roster.ts';
import type { Session } from './session.ts';
import type { ClientStreams } from './streams.ts';

export interface StartedOptions {
  readonly roster: Roster;
  readonly lost: Lost;
  /** The client says that nothing has started but what it told. */
  readonly isComplete: boolean;
}

/**
 * The deliveries that count as started among those that the sessions of a client hold, connected or away: for the
 * store, should it end such a session or give back what the next registration does not name.
 */
export function startedBy(clientId: string, { roster, lost, isComplete }: StartedOptions): readonly StartedDelivery[] {
  const held = roster.ofClient(clientId).flatMap(({ ledger }) => ledger.held);
  const all = [...held, ...lost.heldBy(clientId, !isComplete)];
  return all.filter(isComplete ? ({ isStarted }) => isStarted === true : mayHaveStarted).map(toStarted);
}

/** The sessions whose starts were told to this node, or that an earlier process of it left. */
export function knownSessionsOf(clientId: string, roster: Roster, lost: Lost): readonly SessionRef[] {
  return [...roster.ofClient(clientId).map(({ session }) => session), ...lost.sessionsOf(clientId)];
}

/**
 * ALREADY_EXISTS: the session is open already; or another principal serves as this client, which the store does not know of
 * one that is to be forgotten when it goes.
 */
export function checkFree(
  { id, clientId, subject }: Registration,
  { roster, streams }: { readonly roster: Roster; readonly streams: ClientStreams },
): void {
  if (roster.find(id)) throw notPaired('ALREADY_EXISTS', 'this session is open already');
  if (!isSamePrincipal(streams.subjectOf(clientId) ?? '', subject)) throw takenByAnother(clientId, 'contact-client');
}

interface OpenRowOptions {
  readonly queue: TaskQueue;
  readonly roster: Roster;
}

/**
 * Opens the row of a session. Others of its client, whose place it may take, are given nothing meanwhile, lest a task
 * is pushed to them that counts as never pushed.
 */
export async function openRow({ queue, roster }: OpenRowOptions, opening: SessionOpening): Promise<OpenedSession> {
  const { clientId, subject } = opening;
  const isOfOne = (other: Session): boolean => isSamePrincipal(other.subject, subject);
  const others = opening.isNamed || opening.resume ? roster.ofClient(clientId).filter(isOfOne) : [];
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
