import type { Timers } from '../dispatch/timers.ts';
import { notPaired } from './closing.ts';
import type { StatusOutlet } from './outlet.ts';
import type { Session } from './session.ts';

interface Waiting {
  readonly outlet: StatusOutlet;
  readonly resolve: (session: Session) => void;
  readonly refuse: () => void;
}

/** Status streams that came before their task stream. Bounded by open connections, each entry for `pairingMs`. */
export interface Pairing {
  /** Waits for the session. FAILED_PRECONDITION: it did not come in time. */
  expect(sessionId: string, outlet: StatusOutlet): Promise<Session>;
  /** The outlet that waits for this session; null: none. */
  takeOutlet(sessionId: string): StatusOutlet | null;
  announce(sessionId: string, session: Session): void;
  /** Waits a moment for the status stream of a session whose task stream was quicker. */
  soon(sessionId: string): Promise<void>;
}

/** Between the two streams of a session that were opened together. */
const SOON_MS = 100;

export function createPairing(timers: Timers, pairingMs: number): Pairing {
  const waitingById = new Map<string, Waiting>();

  // Task streams that came first. Bounded by open streams, each entry for SOON_MS.
  const arrivalById = new Map<string, () => void>();

  /** One whose stream has gone meanwhile does not count. */
  function find(sessionId: string): Waiting | undefined {
    const waiting = waitingById.get(sessionId);
    if (!waiting?.outlet.isOver()) return waiting;
    waiting.refuse();
    return undefined;
  }

  return {
    expect(sessionId, outlet) {
      if (find(sessionId)) {
        throw notPaired('ALREADY_EXISTS', 'a SendStatus stream waits for this session already');
      }
      return new Promise((resolve, reject) => {
        const refuse = (): void => {
          timers.clear(deadline);
          waitingById.delete(sessionId);
          reject(notPaired('FAILED_PRECONDITION', 'no GetTask stream of this session came'));
        };
        const deadline = timers.create(refuse);
        timers.set(deadline, pairingMs);
        waitingById.set(sessionId, {
          outlet,
          refuse,
          resolve: (session) => {
            timers.clear(deadline);
            waitingById.delete(sessionId);
            resolve(session);
          },
        });
        arrivalById.get(sessionId)?.();
      });
    },
    takeOutlet: (sessionId) => find(sessionId)?.outlet ?? null,
    announce: (sessionId, session) => find(sessionId)?.resolve(session),
    soon(sessionId) {
      if (find(sessionId) || arrivalById.has(sessionId)) return Promise.resolve();
      return new Promise((resolve) => {
        const arrive = (): void => {
          timers.clear(late);
          arrivalById.delete(sessionId);
          resolve();
        };
        const late = timers.create(arrive);
        timers.set(late, Math.min(SOON_MS, pairingMs));
        arrivalById.set(sessionId, arrive);
      });
    },
  };
}
