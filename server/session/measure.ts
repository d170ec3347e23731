import type { SessionFigures } from '../model/figures.ts';
import type { ByteBudget } from './budget.ts';
import type { Roster } from './roster.ts';
import type { ClientStreams } from './streams.ts';

export type MeasureSessions = () => SessionFigures;

/** All sessions together: what each has is added up. */
export function measureSessions(roster: Roster, streams: ClientStreams, budget: ByteBudget): SessionFigures {
  let [credit, held, clients] = [0, 0, roster.clientCount];
  for (const { ledger } of roster.all) {
    credit += ledger.credit;
    held += ledger.size;
  }
  for (const { clientId } of streams.views()) if (!roster.hasClient(clientId)) clients += 1;
  return { sessions: roster.all.size, clients, credit, held, unreceiptedBytes: budget.used };
}
