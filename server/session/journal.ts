import type { ContactError } from '../../shared/errors.ts';
import type { Logger } from '../../shared/logger.ts';
import type { Registration } from './registration.ts';
import type { Session } from './session.ts';

/** Tells people what happens to clients: one line for each event, and none for each task. */
export interface Journal {
  opened(session: Session, isResumed: boolean): void;
  /** The session's streams have ended; null: the client has said all that it had to say. */
  ended(session: Session, error: ContactError | null): void;
  /** Tells of the registration if it is refused; answers the same promise. */
  watch(registration: Registration, opening: Promise<Session>): Promise<Session>;
  /** A registration was refused, for which nothing was opened. */
  refused(who: Pick<Registration, 'clientId' | 'subject'>, error: unknown): void;
  drained(session: Session): void;
}

/** What the end of a session is called, by the reason that its client is told. */
const MESSAGES: ReadonlyMap<string, string> = new Map([
  ['REPLACED', 'client replaced'],
  ['RESUMED', 'client resumed elsewhere'],
  ['OPERATOR', 'client disconnected'],
]);

export function createJournal(logger: Logger): Journal {
  const describe = ({ clientId, options }: Session): object => ({
    client: clientId,
    ...(options.subject ? { principal: options.subject } : {}),
  });
  const refused: Journal['refused'] = ({ clientId, subject }, error) => {
    const { code, problem } = error as Partial<ContactError>;
    logger.warn({ client: clientId, ...(subject ? { principal: subject } : {}), code, problem }, 'client refused');
  };
  return {
    refused,
    opened(session, isResumed) {
      const { held } = session.ledger;
      const fields = { ...describe(session), agent: session.options.agent, held: held.length };
      logger.info(fields, isResumed ? 'client resumed' : 'client connected');
    },
    ended(session, error) {
      const reason = error?.advice?.reason;
      const message = error === null ? 'client left' : (MESSAGES.get(reason ?? '') ?? 'client lost');
      logger.info({ ...describe(session), ...(reason ? { reason } : {}), held: session.ledger.held.length }, message);
    },
    watch(registration, opening) {
      opening.catch((error: unknown) => refused(registration, error));
      return opening;
    },
    drained(session) {
      logger.info({ ...describe(session), held: session.ledger.held.length }, 'client drained');
    },
  };
}

/** For whoever tells nobody. */
export const NO_JOURNAL: Journal = {
  opened: () => undefined,
  ended: () => undefined,
  watch: (_registration, opening) => opening,
  refused: () => undefined,
  drained: () => undefined,
};
