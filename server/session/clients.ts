import type { Clock } from '../../shared/clock.ts';
import { ContactError } from '../../shared/errors.ts';
import { isSamePrincipal } from '../model/owner.ts';
import type { ClientStore, ServingClient, ServingMethods, StoredClient } from '../store/clients.ts';
import type { EndFigures, Ends } from './ends.ts';
import { type HeldDelivery, oldestOf } from './ledger.ts';
import type { Roster } from './roster.ts';
import type { Session } from './session.ts';
import type { ClientStreams, StreamView } from './streams.ts';

/** One client as an operator sees it, with the newest session of several under its id. */
export interface ClientView {
  readonly clientId: string;
  readonly isNamed: boolean;
  readonly isConnected: boolean;
  readonly isDraining: boolean;
  /** The principal whose it is; empty: nobody asked who it was. */
  readonly principal: string;
  readonly labels: Readonly<Record<string, string>>;
  readonly queues: readonly string[];
  readonly lastSeenAt: number | null;
  /** Null: away. */
  readonly session: Session | null;
  /** What it serves; null: nothing. */
  readonly served: StreamView | null;
}

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

/** What operators do with clients. NOT_FOUND: neither connected nor remembered. */
export interface Clients {
  /** Clients in the order of their ids, those after `after`. */
  list(after: string, limit: number, isConnectedOnly: boolean): Promise<readonly ClientView[]>;
  /** One client, with all its sessions, the newest first. */
  describe(clientId: string): Promise<{ readonly view: ClientView; readonly sessions: readonly Session[] }>;
  runsOf(clientId: string): ClientRuns;
  /** Gives the client no more tasks until `resume`; remembered for named clients. @param by whose act it is; default: nobody's */
  drain(clientId: string, by?: string): Promise<void>;
  resume(clientId: string, by?: string): Promise<void>;
  /** Remembers a named client by what it serves. ALREADY_EXISTS: it is another principal's. */
  rememberServing(client: ServingClient): Promise<void>;
  /** It serves no more. */
  leaveServing(client: Pick<ServingClient, 'clientId' | 'subject'>): Promise<void>;
  /** Whether this principal may come by the client id: it is no other's. */
  isFree(clientId: string, subject: string): Promise<boolean>;
  /** Forgets a named client, so that another principal may come by its id. FAILED_PRECONDITION: it is not away. */
  forget(clientId: string, by?: string): Promise<void>;
  /** Named clients that have served something, in the order of their ids, those after `after`; empty: no more. */
  listServing(after: string): Promise<readonly ServingMethods[]>;
}

/** Clients with their methods that the store is asked for at once. */
const SERVING_PAGE = 50;

export interface ClientsOptions {
  readonly store: ClientStore;
  readonly roster: Roster;
  readonly streams: ClientStreams;
  readonly ends: Pick<Ends, 'of'>;
  readonly clock: Pick<Clock, 'now' | 'monotonic'>;
}

export function noClient(clientId: string): ContactError {
  return new ContactError('NOT_FOUND', `no client ${clientId}`, { field: 'client_id' });
}

export function createClients({ store, roster, streams, ends, clock }: ClientsOptions): Clients {
  const isHere = (clientId: string): boolean => roster.hasClient(clientId) || streams.subjectOf(clientId) !== undefined;

  async function setDrained(clientId: string, isDrained: boolean, by = ''): Promise<void> {
    const actor = { by, now: clock.now(), isHere: isHere(clientId) };
    const isRemembered = await store.drainClient(clientId, isDrained, actor);
    if (!isRemembered && !isHere(clientId)) throw noClient(clientId);
  }

  function toRun({ taskId, delivery, since }: HeldDelivery): OldestRun {
    return { taskId, delivery, since: Math.round(clock.now() - (clock.monotonic() - since)) };
  }

  return {
    async list(after, limit, isConnectedOnly) {
      const views = new Map<string, ClientView>();
      const stored = isConnectedOnly ? [] : await store.listClients(after, limit);
      for (const client of stored) views.set(client.clientId, viewAway(client));
      for (const view of streams.views()) if (view.clientId > after) addServed(views, view, streams);
      for (const session of roster.all) {
        const { clientId } = session;
        if (clientId > after) views.set(clientId, { ...viewHere(session), served: streams.describe(clientId) });
      }
      // A page of the store that is full ends there: what comes later by id is for the next page.
      const last = stored.length === limit ? stored.at(-1)!.clientId : undefined;
      return [...views.values()]
        .filter(({ clientId }) => last === undefined || clientId <= last)
        .sort((a, b) => (a.clientId < b.clientId ? -1 : 1))
        .slice(0, limit);
    },
    async describe(clientId) {
      const sessions = roster.ofClient(clientId).toReversed();
      const served = streams.describe(clientId);
      const [newest] = sessions;
      if (newest) return { view: { ...viewHere(newest), served }, sessions };
      const stored = await store.findClient(clientId);
      if (!stored && !served) throw noClient(clientId);
      const views = new Map(stored ? [[clientId, viewAway(stored)]] : []);
      if (served) addServed(views, served, streams);
      return { view: views.get(clientId)!, sessions };
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
    isFree: async (clientId, subject) =>
      subject === '' || isSamePrincipal(await store.ownerOf(clientId, clock.now()), subject),
    async forget(clientId, by) {
      // A client without a name is not remembered, and is known here alone.
      const outcome = isHere(clientId) ? 'here' : await store.forgetClient(clientId, clock.now(), by);
      if (outcome === 'unknown') throw noClient(clientId);
      if (outcome === 'forgotten') return;
      const problem = `${clientId} is connected: it is forgotten while it is away`;
      throw new ContactError('FAILED_PRECONDITION', problem, { field: 'client_id' });
    },
    listServing: (after) => store.listServing(after, SERVING_PAGE),
  };
}

/** It is connected, be it by that alone: then its labels are those that it has said there, not those that are remembered. */
function addServed(views: Map<string, ClientView>, served: StreamView, streams: ClientStreams): void {
  const { clientId, isNamed, isDraining, labels } = served;
  const principal = streams.subjectOf(clientId) ?? '';
  const before = views.get(clientId) ?? { clientId, isNamed, isDraining, principal, labels, queues: [], session: null };
  views.set(clientId, { ...before, labels, isConnected: true, lastSeenAt: null, served });
}

function viewAway({ clientId, labels, queues, lastSeenAt, isDrained, subject }: StoredClient): ClientView {
  return {
    clientId,
    isNamed: true,
    isConnected: false,
    isDraining: isDrained,
    principal: subject,
    labels,
    queues,
    lastSeenAt,
    session: null,
    served: null,
  };
}

function viewHere(session: Session): ClientView {
  const { clientId, labels, queues, isDraining, subject, options } = session;
  return {
    clientId,
    isNamed: options.isNamed,
    isConnected: true,
    isDraining,
    principal: subject,
    labels,
    queues,
    lastSeenAt: null,
    session,
    served: null,
  };
}
