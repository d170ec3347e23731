import type { Registration } from './registration.ts';
import type { Session } from './session.ts';

/** The sessions whose task stream is open, found by what they are asked for. Bounded by open streams. */
export interface Roster {
  readonly all: ReadonlySet<Session>;
  add(session: Session): void;
  /** False: it was not there. */
  delete(session: Session): boolean;
  has(session: Session): boolean;
  /** The session that has this secret id. */
  find(id: string): Session | undefined;
  ofClient(clientId: string): readonly Session[];
  hasClient(clientId: string): boolean;
  readonly clientCount: number;
  /** Whether this client has this session. */
  isOpen(clientId: string, id: string, subject: string): boolean;
  /** Whether the client that registers comes back to one of these, or takes its place by its name. */
  isReturning(registration: Pick<Registration, 'clientId' | 'subject' | 'isNamed' | 'resume'>): boolean;
}

export function createRoster(): Roster {
  const all = new Set<Session>();
  const sessionById = new Map<string, Session>();
  const sessionsByClient = new Map<string, Set<Session>>();

  return {
    all,
    add(session) {
      all.add(session);
      sessionById.set(session.options.id, session);
      const others = sessionsByClient.get(session.clientId) ?? new Set();
      sessionsByClient.set(session.clientId, others.add(session));
    },
    delete(session) {
      if (!all.delete(session)) return false;
      sessionById.delete(session.options.id);
      const others = sessionsByClient.get(session.clientId);
      others?.delete(session);
      if (others?.size === 0) sessionsByClient.delete(session.clientId);
      return true;
    },
    has: (session) => all.has(session),
    find: (id) => sessionById.get(id),
    isOpen(clientId, id, subject) {
      const session = sessionById.get(id);
      return session?.clientId === clientId && session.subject === subject;
    },
    isReturning: ({ clientId, subject, isNamed, resume }) =>
      [...(sessionsByClient.get(clientId) ?? [])].some(
        (one) =>
          one.subject === subject &&
          ((isNamed && one.options.isNamed) || (resume !== null && one.options.id === resume.previousId)),
      ),
    ofClient: (clientId) => [...(sessionsByClient.get(clientId) ?? [])],
    hasClient: (clientId) => sessionsByClient.has(clientId),
    get clientCount() {
      return sessionsByClient.size;
    },
  };
}
