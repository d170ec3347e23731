import { ContactError } from '../../shared/errors.ts';
import type { Timers } from '../dispatch/timers.ts';
import type { StatusOutlet } from './outlet.ts';
import type { Session } from './session.ts';

interface Waiting {
  readonly outlet: StatusOutlet;
  readonly resolve: (session: Session) => void;
}

/** Status streams that came before their task stream. Bounded by open connections, each entry for `pairingMs`. */
export interface Pairing {
  /** Waits for the session. FAILED_PRECONDITION: it did not come in time. */
  expect(sessionId: string, outlet: StatusOutlet): Promise<Session>;
  /** The outlet that waits for this session; null: none. */
  takeOutlet(sessionId: string): StatusOutlet | null;
  announce(sessionId: string, session: Session): void;
}

export function createPairing(timers: Timers, pairingMs: number): Pairing {
  const waitingById = new Map<string, Waiting>();

  return {
    expect(sessionId, outlet) {
      if (waitingById.has(sessionId)) {
        throw new ContactError('ALREADY_EXISTS', 'contact-session: a SendStatus stream waits for this session already');
      }
      return new Promise((resolve, reject) => {
        const deadline = timers.create(() => {
          waitingById.delete(sessionId);
          reject(new ContactError('FAILED_PRECONDITION', 'contact-session: no GetTask stream of this session came'));
        });
        timers.set(deadline, pairingMs);
        waitingById.set(sessionId, {
          outlet,
          resolve: (session) => {
            timers.clear(deadline);
            waitingById.delete(sessionId);
            resolve(session);
          },
        });
      });
    },
    takeOutlet: (sessionId) => waitingById.get(sessionId)?.outlet ?? null,
    announce: (sessionId, session) => waitingById.get(sessionId)?.resolve(session),
  };
}
