import type { Clock } from '../../shared/clock.ts';
import type { SessionStore } from '../store/sessions.ts';
import { heldOf } from './ledger.ts';
import type { Lost } from './lost.ts';
import type { Roster } from './roster.ts';

/** Takes over the sessions that an earlier process left, or that were given to this node: their windows run from now. */
export async function recoverSessions(
  store: Pick<SessionStore, 'listSessions'>,
  roster: Roster,
  lost: Lost,
  clock: Clock,
): Promise<void> {
  const keys = new Set([...roster.all].map(({ session }) => session.key));
  for (const { session, clientId, subject, isNamed, held } of await store.listSessions()) {
    if (keys.has(session.key) || lost.has(session.key)) continue;
    const left = { isResumable: true, isLeft: true, isNamed, onEnded: () => undefined };
    lost.add({ session, clientId, subject, held: held.map((one) => heldOf(one, clock)), ...left });
  }
}
