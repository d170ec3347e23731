import type { Clock } from '../../shared/clock.ts';
import { ContactError } from '../../shared/errors.ts';
import { isSamePrincipal } from '../model/owner.ts';
import type { ClientStore, ForgetOutcome, ServingClient, ServingMethods, StoredClient } from '../store/clients.ts';
import type { EndFigures, Ends } from './ends.ts';
import { type HeldDelivery, oldestOf } from './ledger.ts';
import type { Lost } from './lost.ts';
import type { Roster } from './roster.ts';
import type { Session } from './session.ts';
import type { ClientStreams, StreamView } from './streams.ts';

/** One client as an operator sees it, with the newest session of several under its id. */
export interface ClientView {
  readonly clientId: string;
  readonly isNamed: boolean;
  readonly isConnected: boolean;
  readonly isDraining: boolean;
  /** The principal whose its id is; empty: nobody's, or nobody is asked who it is. */
  readonly principal: string;
  readonly labels: Readonly<Record<string, string>>;
  readonly queues: readonly string[];
  readonly lastSeenAt: number | null;
  /** Null: away. */
  readonly session: Session | null;
  /** What it serves; null: nothing. */
  readonly served: StreamView | null;
}

/** A client before it was asked whose its id is. */
type Unowned = Omit<ClientView, 'principal'>;

/** Why a client is not forgotten, after its id. */
const KEPT = Object.freeze({
  here: 'is connected: it is forgotten while it is away',
  enrolled:
    'came in by a join, and its credential lives, which keeps its id: revoke that instead (contact token list, contact token revoke)',
  awaited:
    'may still come back to its session, and has the tasks that it runs: it is forgotten once it may no more (--resume-window)',
} satisfies Record<Exclude<ForgetOutcome, 'forgotten' | 'unknown'>, string>);

/** How a client runs its tasks. */
export interface ClientRuns {
  /** How its runs ended lately; null: none did. */
  readonly ended: EndFigures | null;
  /** What it has run longest, of all its sessions; null: it runs nothing. */
  readonly oldest: OldestRun | null;
}

/** A delivery that counts as begun. */
export interface OldestRun extends Pick<HeldDelivery, 'taskId' | 'delivery'> {
  /** By the wall clock: when its client said that it began; where nobody knows, when it was pushed or claimed. */
  readonly since: number;
}

export interface FoundClient {
  readonly view: ClientView;
  readonly sessions: readonly Session[];
}

/** What operators do with clients. NOT_FOUND: neither connected nor remembered. */
export interface Clients {
  /** Clients in the order of their ids, those after `after`. */
  list(after: string, limit: number, isConnectedOnly: boolean): Promise<readonly ClientView[]>;
  /** One client, with all its sessions, the newest first. */
  describe(clientId: string): Promise<FoundClient>;
  /** The same; undefined: neither connected nor remembered. */
  find(clientId: string): Promise<FoundClient | undefined>;
  runsOf(clientId: string): ClientRuns;
  /** Gives the client no more tasks until `resume`; remembered for named clients. @param by whose act it is; default: nobody's */
  drain(clientId: string, by?: string): Promise<void>;
  resume(clientId: string, by?: string): Promise<void>;
  /** Remembers a named client by what it serves. ALREADY_EXISTS: it is another principal's. */
  rememberServing(client: ServingClient): Promise<void>;
  /** It serves no more. */
  leaveServing(client: Pick<ServingClient, 'clientId' | 'subject'>): Promise<void>;
  /** Whether this principal may come by the client id: it is no other's, as the store knows, and no other serves as it. */
  isFree(clientId: string, subject: string): Promise<boolean>;
  /** The principal that serves as this client now, be it without a name or without methods; empty: nobody does. */
  servedBy(clientId: string): string;
  /**
   * Forgets a named client, so that another principal may come by its id. FAILED_PRECONDITION: it is connected, may still come
   * back to a session with tasks that it runs, or came in by a join and its credential lives.
   */
  forget(clientId: string, by?: string): Promise<void>;
  /** The ids of named clients that are drained. */
  listDrained(): AsyncIterable<string>;
  /** Named clients that have served something, in the order of their ids, those after `after`; empty: no more. */
  listServing(after: string): Promise<readonly ServingMethods[]>;
}

/** Clients that the store is asked for at once. */
const PAGE = 500;
/** With their methods. */
const SERVING_PAGE = 50;

export interface ClientsOptions {
  readonly store: ClientStore;
  readonly roster: Roster;
  readonly streams: ClientStreams;
  readonly lost: Pick<Lost, 'sessionsOf' | 'windowOf'>;
  readonly ends: Pick<Ends, 'of'>;
  readonly clock: Pick<Clock, 'now' | 'monotonic'>;
}

export function noClient(clientId: string): ContactError {
  return new ContactError('NOT_FOUND', `no client ${clientId}`, { field: 'client_id' });
}

export function createClients({ store, roster, streams, lost, ends, clock }: ClientsOptions): Clients {
  const isHere = (clientId: string): boolean => roster.hasClient(clientId) || streams.subjectOf(clientId) !== undefined;

  async function setDrained(clientId: string, isDrained: boolean, by = ''): Promise<void> {
    const actor = { by, now: clock.now(), isHere: isHere(clientId) };
    const isRemembered = await store.drainClient(clientId, isDrained, actor);
    if (!isRemembered && !isHere(clientId)) throw noClient(clientId);
  }

  const servedBy = (clientId: string): string => streams.subjectOf(clientId) ?? '';

  /** Whose the id is: of the store, and of who serves without that the store knows of it. */
  async function ownerOf(clientId: string): Promise<string> {
    return (await store.ownerOf(clientId, clock.now())) || servedBy(clientId);
  }

  async function withOwner(view: Unowned): Promise<ClientView> {
    return { ...view, principal: await ownerOf(view.clientId) };
  }

  /** For how long a client may come back to a session that it has lost; undefined: it is not known here. */
  function awaitedMs(clientId: string): number | undefined {
    const untils = lost.sessionsOf(clientId).flatMap(({ key }) => lost.windowOf(key) ?? []);
    return untils.length === 0 ? undefined : Math.max(1, Math.ceil(Math.max(...untils) - clock.now()));
  }

  async function find(clientId: string): Promise<FoundClient | undefined> {
    const sessions = roster.ofClient(clientId).toReversed();
    const served = streams.describe(clientId);
    const [newest] = sessions;
    if (newest) return { view: await withOwner({ ...viewHere(newest), served }), sessions };
    const stored = await store.findClient(clientId);
    if (!stored && !served) return undefined;
    const views = new Map<string, Unowned>(stored ? [[clientId, viewAway(stored)]] : []);
    if (served) addServed(views, served);
    return { view: await withOwner(views.get(clientId)!), sessions };
  }

  function toRun({ taskId, delivery, since }: HeldDelivery): OldestRun {
    return { taskId, delivery, since: Math.round(clock.now() - (clock.monotonic() - since)) };
  }

  return {
    async list(after, limit, isConnectedOnly) {
      const views = new Map<string, Unowned>();
      const stored = isConnectedOnly ? [] : await store.listClients(after, limit);
      for (const client of stored) views.set(client.clientId, viewAway(client));
      for (const view of streams.views()) if (view.clientId > after) addServed(views, view);
      for (const session of roster.all) {
        const { clientId } = session;
        if (clientId > after) views.set(clientId, { ...viewHere(session), served: streams.describe(clientId) });
      }
      // A page of the store that is full ends there: what comes later by id is for the next page.
      const last = stored.length === limit ? stored.at(-1)!.clientId : undefined;
      const page = [...views.values()]
        .filter(({ clientId }) => last === undefined || clientId <= last)
        .sort((a, b) => (a.clientId < b.clientId ? -1 : 1))
        .slice(0, limit);
      return Promise.all(page.map(withOwner));
    },
    find,
    async describe(clientId) {
      const found = await find(clientId);
      if (!found) throw noClient(clientId);
      return found;
    },
    runsOf(clientId) {
      const oldest = oldestOf(roster.ofClient(clientId).flatMap(({ ledger }) => ledger.held));
      return {
        ended: ends.of(clientId),
        oldest: oldest ? toRun(oldest) : null,
      };
    },
    drain: (clientId, by) => setDrained(clientId, true, by),
    resume: (clientId, by) => setDrained(clientId, false, by),
    rememberServing: (client) => store.rememberServing(client, clock.now()),
    leaveServing: (client) => store.leaveServing(client, clock.now()),
    isFree: async (clientId, subject) => subject === '' || isSamePrincipal(await ownerOf(clientId), subject),
    servedBy,
    async forget(clientId, by) {
      // A client without a name is not remembered, and is known here alone.
      const outcome = isHere(clientId) ? 'here' : await store.forgetClient(clientId, clock.now(), by);
      if (outcome === 'forgotten') return;
      if (outcome === 'unknown') throw noClient(clientId);
      const retryAfterMs = outcome === 'awaited' ? awaitedMs(clientId) : undefined;
      throw new ContactError('FAILED_PRECONDITION', `${clientId} ${KEPT[outcome]}`, {
        field: 'client_id',
        ...(retryAfterMs === undefined ? {} : { retryAfterMs }),
      });
    },
    async *listDrained() {
      for (let after: string | undefined = ''; after !== undefined; ) {
        const page: readonly StoredClient[] = await store.listClients(after, PAGE);
        for (const { clientId, isDrained } of page) if (isDrained) yield clientId;
        after = page.at(-1)?.clientId;
      }
    },
    listServing: (after) => store.listServing(after, SERVING_PAGE),
  };
}

/** It is connected, be it by that alone: then its labels are those that it has said there, not those that are remembered. */
function addServed(views: Map<string, Unowned>, served: StreamView): void {
  const { clientId, isNamed, isDraining, labels } = served;
  const before = views.get(clientId) ?? { clientId, isNamed, isDraining, labels, queues: [], session: null };
  views.set(clientId, { ...before, labels, isConnected: true, lastSeenAt: null, served });
}

function viewAway({ clientId, labels, queues, lastSeenAt, isDrained }: StoredClient): Unowned {
  return {
    clientId,
    isNamed: true,
    isConnected: false,
    isDraining: isDrained,
    labels,
    queues,
    lastSeenAt,
    session: null,
    served: null,
  };
}

function viewHere(session: Session): Unowned {
  const { clientId, labels, queues, isDraining, options } = session;
  return {
    clientId,
    isNamed: options.isNamed,
    isConnected: true,
    isDraining,
    labels,
    queues,
    lastSeenAt: null,
    session,
    served: null,
  };
}
