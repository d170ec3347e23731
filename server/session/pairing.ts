import type { Timers } from '../dispatch/timers.ts';
import { notPaired } from './closing.ts';
import type { StatusOutlet } from './outlet.ts';
import type { Registration } from './registration.ts';
import type { Session } from './session.ts';

/** How a status stream names its session. */
export interface StatusName {
  readonly sessionId: string;
  /** Undefined: the server draws it. */
  readonly clientId: string | undefined;
  /** The principal that opens the stream. */
  readonly subject: string;
}

interface Named extends Pick<Registration, 'id' | 'clientId' | 'isDrawn'> {
  readonly subject?: string;
}

/** Whether the name fits the session: whoever knows its id, and is not its client or its principal, does not get it. */
export function isNamedBy({ id, clientId, isDrawn, subject = '' }: Named, name: StatusName): boolean {
  if (id !== name.sessionId || subject !== name.subject) return false;
  return name.clientId === undefined ? isDrawn === true : name.clientId === clientId;
}

interface Waiting {
  readonly outlet: StatusOutlet;
  readonly resolve: (session: Session) => void;
  readonly refuse: () => void;
}

/** Status streams that came before their task stream. Bounded by open connections, each entry for `pairingMs`. */
export interface Pairing {
  /** Waits for the session. FAILED_PRECONDITION: it did not come in time. */
  expect(name: StatusName, outlet: StatusOutlet): Promise<Session>;
  /** The outlet that waits for this session; null: none. */
  takeOutlet(registration: Named): StatusOutlet | null;
  announce(registration: Named, session: Session): void;
  /** Waits a moment for the status stream of a session whose task stream was quicker. */
  soon(registration: Named): Promise<void>;
}

/** How long the second of two streams that were opened together may take. */
const SOON_MS = 100;

export function createPairing(timers: Timers, pairingMs: number): Pairing {
  const waitingByName = new Map<string, Waiting>();

  // Task streams that came first. Bounded by open streams, each entry for SOON_MS.
  const arrivalById = new Map<string, () => void>();

  /** The stream that waits under this name; one that has gone meanwhile does not count. */
  function find(name: StatusName): Waiting | undefined {
    const waiting = waitingByName.get(textOf(name));
    if (!waiting?.outlet.isOver()) return waiting;
    waiting.refuse();
    return undefined;
  }

  function findFor({ id: sessionId, clientId, isDrawn, subject = '' }: Named): Waiting | undefined {
    const found = find({ sessionId, clientId, subject });
    return found ?? (isDrawn ? find({ sessionId, clientId: undefined, subject }) : undefined);
  }

  return {
    expect(name, outlet) {
      if (find(name)) {
        throw notPaired('ALREADY_EXISTS', 'a SendStatus stream waits for this session already');
      }
      return new Promise((resolve, reject) => {
        const leave = (): void => {
          timers.clear(deadline);
          waitingByName.delete(textOf(name));
        };
        const refuse = (): void => {
          leave();
          reject(notPaired('FAILED_PRECONDITION', 'no GetTask stream of this session came'));
        };
        const deadline = timers.create(refuse);
        timers.set(deadline, pairingMs);
        waitingByName.set(textOf(name), {
          outlet,
          refuse,
          resolve: (session) => {
            leave();
            resolve(session);
          },
        });
        arrivalById.get(name.sessionId)?.();
      });
    },
    takeOutlet: (registration) => findFor(registration)?.outlet ?? null,
    announce: (registration, session) => findFor(registration)?.resolve(session),
    soon(registration) {
      const { id } = registration;
      if (findFor(registration) || arrivalById.has(id)) return Promise.resolve();
      return new Promise((resolve) => {
        const leave = (): void => {
          timers.clear(late);
          arrivalById.delete(id);
          resolve();
        };
        const late = timers.create(leave);
        timers.set(late, Math.min(SOON_MS, pairingMs));
        arrivalById.set(id, () => findFor(registration) && leave());
      });
    },
  };
}

/** One text for a name, to be the key of a map: no id of a session or a client has a blank. */
function textOf({ sessionId, clientId = '', subject }: StatusName): string {
  return `${sessionId} ${clientId} ${subject}`;
}
