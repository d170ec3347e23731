import { ALL_RIGHTS, findBeyond, matchesAny, mayMatch, type Rights, type Role, withClient } from './access.ts';

/** Which queues a caller may see: all, or those that a pattern matches, a name with an optional `*` at its end. */
export interface QueueScope {
  readonly queues: 'all' | readonly string[];
}

export const EVERY_QUEUE: QueueScope = Object.freeze({ queues: 'all' });

/** Which clients a caller may be, address and see: all, or those that a pattern matches. */
export interface ClientScope {
  readonly clients: 'all' | readonly string[];
}

export const EVERY_CLIENT: ClientScope = Object.freeze({ clients: 'all' });

/** Who makes a call. Handlers are given it with every request; by-id operations of the store take its scope. */
export interface Caller {
  /**
   * Its name, to which its sessions are bound: `client:robot-7`, `token:NAME`, `operator`, `jwt:SUB`, `cert:NAME`. It stays
   * the same when a credential is replaced by another. Empty: nobody asked for it.
   */
  readonly principal: string;
  /** How it is known who that is; a `join` may let clients in and nothing else. */
  readonly kind: 'anonymous' | 'local' | 'token' | 'join' | 'client' | 'jwt' | 'certificate';
  readonly roles: ReadonlySet<Role>;
  readonly scope: QueueScope;
  readonly clients: ClientScope;
  /** Methods that it may call of clients, as patterns. */
  readonly calls: 'all' | readonly string[];
  /** Methods that it may serve, as patterns. */
  readonly serves: 'all' | readonly string[];
  /**
   * Of who was granted several rights: a caller for each of them. The lists above are all of them together; what is asked of two lists
   * at once is asked of `asFarAs`, since it is allowed by one of them as a whole or not at all. Absent: there is one.
   */
  readonly parts?: readonly Caller[];
  /** The one client that it may be; undefined: any that `clients` matches. */
  readonly clientId?: string;
  /** What it called with, if that is stored. */
  readonly credentialId?: string;
  /**
   * The principal whose shares it takes from beside its own: of the operator, one who may not do everything, that has made it, or at
   * the root of those that have. Absent: nobody's.
   */
  readonly countedFor?: string;
  /** A join that was revoked, has expired or is used up: its holder is told so, and no client comes in by it. Absent: one may. */
  readonly isSpent?: true;
  /** Milliseconds of the wall clock; Infinity: never. */
  readonly expiresAt: number;
}

/** Who does something, as logs and acts tell it: the principal, or how it is known who that is where it has no name. */
export function nameCaller({ principal, kind }: Pick<Caller, 'principal' | 'kind'>): string {
  return principal === '' ? kind : principal;
}

/** The principal that is told of by this name; empty: nobody asked who it was. */
export function principalOf(name: string): string {
  return name === ANONYMOUS.kind ? '' : name;
}

/** The principals whose shares a caller takes from, itself first; none: nobody asked who it is. */
export function holdersOf({ principal, countedFor }: Pick<Caller, 'principal' | 'countedFor'>): readonly string[] {
  if (principal === '') return NO_HOLDERS;
  return countedFor === undefined || countedFor === principal ? [principal] : [principal, countedFor];
}

/** One of them as who is refused reads it. */
export function nameHolder(holders: readonly string[], at: number): string {
  return at === 0 ? holders[at]! : `${holders[at]} and those that it has made`;
}

const NO_HOLDERS: readonly string[] = Object.freeze([]);

/** What is known of a caller before its rights are applied. */
export type CallerInput = Omit<Caller, 'roles' | 'scope' | 'clients' | 'calls' | 'serves' | 'parts'> & {
  readonly rights: Rights;
};

/** The caller who has these rights: `{client}` is replaced, or means nothing where there is no one client. */
export function createCaller({ rights, ...who }: CallerInput): Caller {
  return Object.freeze({
    ...who,
    roles: new Set(rights.roles),
    scope: Object.freeze({ queues: orAll(withClient(rights.queues, who.clientId)) }),
    clients: Object.freeze({ clients: orAll(rights.clients) }),
    calls: orAll(rights.calls),
    serves: orAll(rights.serves),
  });
}

/** What these callers may, who are one and the same: each by itself, and what is asked of a single list of any of them. */
export function joinCallers(parts: readonly Caller[]): Caller {
  const [first, second] = parts;
  if (!first || !second) return first!;
  const unite = (list: (part: Caller) => 'all' | readonly string[]): 'all' | readonly string[] =>
    orAll([...new Set(parts.flatMap((part) => (list(part) === 'all' ? ['*'] : list(part))))]);
  return Object.freeze({
    ...first,
    roles: new Set(parts.flatMap(({ roles }) => [...roles])),
    scope: Object.freeze({ queues: unite(({ scope }) => scope.queues) }),
    clients: Object.freeze({ clients: unite(({ clients }) => clients.clients) }),
    calls: unite(({ calls }) => calls),
    serves: unite(({ serves }) => serves),
    parts: Object.freeze([...parts]),
  });
}

/**
 * The caller as far as those of its rights go that are fit: in the queue, for the client or of the role that the rest is asked about.
 * Where none is, it is left with none of its lists.
 */
export function asFarAs(caller: Caller, isFit: (part: Caller) => boolean): Caller {
  const { parts } = caller;
  if (!parts) return caller;
  const fit = parts.filter(isFit);
  if (fit.length === parts.length) return caller;
  return fit.length > 0 ? joinCallers(fit) : withoutRights(parts[0]!);
}

/** Whether one of the caller's rights, as a whole, is so. */
export function hasRights(caller: Caller, isSo: (part: Caller) => boolean): boolean {
  return (caller.parts ?? [caller]).some(isSo);
}

function withoutRights(part: Caller): Caller {
  const none = Object.freeze([]);
  const scopes = { scope: Object.freeze({ queues: none }), clients: Object.freeze({ clients: none }) };
  return Object.freeze({ ...part, ...scopes, roles: new Set<Role>(), calls: none, serves: none });
}

function orAll(patterns: readonly string[]): 'all' | readonly string[] {
  return patterns.includes('*') ? 'all' : Object.freeze([...patterns]);
}

/** Whoever reaches the server, while it asks nobody who they are. */
export const ANONYMOUS: Caller = createCaller({
  principal: '',
  kind: 'anonymous',
  rights: ALL_RIGHTS,
  expiresAt: Number.POSITIVE_INFINITY,
});

/** Whoever may open the operator's socket file. */
export const LOCAL_OPERATOR: Caller = createCaller({
  principal: 'operator',
  kind: 'local',
  rights: ALL_RIGHTS,
  expiresAt: Number.POSITIVE_INFINITY,
});

/** Whether tasks of this queue are there for who has the scope. A `*` elsewhere than at the end matches nothing. */
export function isInScope({ queues }: QueueScope, queue: string): boolean {
  return matchesAny(queues, queue);
}

/** Whether the caller may register as this client. */
export function mayBe({ clientId, clients }: Caller, client: string): boolean {
  return clientId === undefined ? matchesAny(clients.clients, client) : client === clientId;
}

/** Whether this client is there for who has the scope. */
export function isClientInScope({ clients }: ClientScope, client: string): boolean {
  return matchesAny(clients, client);
}

/** Whether this client is there for the caller: to be given tasks, listed, drained and called. */
export function mayAddress({ clients }: Caller, client: string): boolean {
  return isClientInScope(clients, client);
}

/** Whether the caller may call this method of clients, `pkg.Service/Method`. */
export function mayCall({ calls }: Caller, method: string): boolean {
  return matchesAny(calls, method);
}

/** Whether there may be a method of this service, `pkg.Service`, that the caller may call. */
export function mayCallSome({ calls }: Caller, service: string): boolean {
  return calls === 'all' || mayMatch(calls, `${service}/`);
}

/** Whether the caller may serve this method, `pkg.Service/Method`. */
export function mayServe({ serves }: Caller, method: string): boolean {
  return matchesAny(serves, method);
}

/** Whether the caller has rights of which no list has a bound. */
export function mayDoEverything(caller: Caller): boolean {
  return hasRights(caller, ({ scope, clients, calls, serves }) =>
    [scope.queues, clients.clients, calls, serves].every((all) => all === 'all'),
  );
}

/**
 * What of these rights goes beyond the caller's own: `rights.queues[2]`; undefined: the caller may give them to others.
 * Roles are not compared. Rights without any pattern are nobody's part: they are left to who may do everything.
 */
export function findUngrantable(caller: Caller, rights: Rights): string | undefined {
  const found = (caller.parts ?? [caller]).map((part) => findBeyondOne(part, rights));
  return found.includes(undefined) ? undefined : found[0];
}

function findBeyondOne(caller: Caller, rights: Rights): string | undefined {
  const { scope, clients, calls, serves } = caller;
  const isBare = [rights.queues, rights.clients, rights.calls, rights.serves].every(({ length }) => length === 0);
  if (isBare && !mayDoEverything(caller)) return 'rights.queues';
  return findBeyond(rights, { queues: scope.queues, clients: clients.clients, calls, serves });
}
