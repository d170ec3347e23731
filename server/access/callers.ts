import { isName } from '../../shared/ids.ts';
import type { Rights } from '../model/access.ts';
import { type Caller, createCaller, joinCallers, mayBe } from '../model/caller.ts';
import type { StoredCredential } from '../store/credentials.ts';

/** Clients that are remembered of one credential; it forgets all of them before it remembers more. */
const MAX_CLIENTS = 1_000;

const NOTHING: Rights = Object.freeze({ roles: [], queues: [], clients: [], calls: [], serves: [] });

/** Who calls what needs no credential, where others need one: may do nothing beside. */
export const NOBODY: Caller = createCaller({
  principal: '',
  kind: 'anonymous',
  rights: NOTHING,
  expiresAt: Number.POSITIVE_INFINITY,
});

/** Who somebody is, before it is known as which client. */
export interface Subject {
  readonly principal: string;
  readonly kind: Caller['kind'];
  /** Each of them is for itself. */
  readonly rights: Rights | readonly Rights[];
  readonly clientId?: string;
  readonly credentialId?: string;
  readonly countedFor?: string;
  readonly isSpent?: true;
  readonly expiresAt: number;
}

/** The callers of one subject: one for each client that it calls as, made once. */
export interface Callers {
  /** @param clientId the client that the call names as its own; undefined: none */
  as(clientId: string | undefined): Caller;
}

export function createCallers({ rights: given, ...subject }: Subject): Callers {
  const all: readonly Rights[] = 'roles' in given ? [given] : given;
  const create = (clientId: string | undefined): Caller => {
    const who = clientId === undefined ? subject : { ...subject, clientId };
    const parts = all.map((rights) => createCaller({ ...who, rights }));
    // What is for other clients is not for this one.
    return joinCallers(clientId === undefined ? parts : parts.filter((_part, at) => mayBe(plainOf[at]!, clientId)));
  };
  const plainOf = all.map((rights) => createCaller({ ...subject, rights }));
  const plain = joinCallers(plainOf);
  const hasOneClient = all.some(({ queues }) => queues.some((queue) => queue.includes('{client}')));
  const isSame = subject.clientId !== undefined || (all.length === 1 && !hasOneClient);
  const byClient = new Map<string, Caller>();

  return {
    as(clientId) {
      // What is no name, such as `*`, would be a pattern where it stands for `{client}`.
      if (isSame || clientId === undefined || !isName(clientId) || !mayBe(plain, clientId)) return plain;
      const known = byClient.get(clientId);
      if (known) return known;
      if (byClient.size >= MAX_CLIENTS) byClient.clear();
      const caller = create(clientId);
      byClient.set(clientId, caller);
      return caller;
    },
  };
}

/** The callers of a credential. `isSpent`: it is a join, and lets no client in any more. */
export function callersOf(credential: StoredCredential, isSpent = false): Callers {
  const { id, kind, principal, rights, clientId, expiresAt, countedFor } = credential;
  return createCallers({
    principal,
    kind,
    // What a join allows is for those that come by it.
    rights: kind === 'join' ? NOTHING : rights,
    ...(clientId === null ? {} : { clientId }),
    credentialId: id,
    ...(countedFor === '' ? {} : { countedFor }),
    ...(isSpent ? { isSpent } : {}),
    expiresAt: expiresAt ?? Number.POSITIVE_INFINITY,
  });
}
