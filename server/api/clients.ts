import type { MessageInitShape } from '@bufbuild/protobuf';
import { timestampFromMs } from '@bufbuild/protobuf/wkt';
import type { ClientInfoSchema, ClientRunsSchema, ClientSessionSchema, RunningTaskSchema } from '../../gen/index.ts';
import { ContactError } from '../../shared/errors.ts';
import { asFarAs, type Caller, hasRights, isInScope, mayAddress, mayCall, mayCallSome } from '../model/caller.ts';
import { type ClientRuns, type Clients, type ClientView, noClient, type OldestRun } from '../session/clients.ts';
import type { EndFigures } from '../session/ends.ts';
import type { Session } from '../session/session.ts';
import type { StreamView } from '../session/streams.ts';

/** Tasks of one session that an operator is told. */
const MAX_TASKS = 1_000;

/** The caller as it may see this client. */
export function asSeerOf(clientId: string, caller: Caller): Caller {
  return asFarAs(caller, (part) => mayAddress(part, clientId));
}

/** What a client serves as who may call that alone sees it. */
function servedFor(served: StreamView, caller: Caller): StreamView {
  if (caller.calls === 'all') return served;
  return {
    ...served,
    services: served.services.filter((service) => mayCallSome(caller, service)),
    callsByService: () =>
      Object.fromEntries(Object.entries(served.callsByService()).filter(([service]) => mayCallSome(caller, service))),
    methods: () => served.methods().filter(({ method }) => mayCall(caller, method)),
  };
}

/**
 * A client as the caller may see it, without queues of others, without what it serves to others, and for operators with the
 * name of whose it is. Undefined: it is no client of the caller.
 */
export function viewFor(view: ClientView, caller: Caller): ClientView | undefined {
  if (!mayAddress(caller, view.clientId)) return undefined;
  const seer = asSeerOf(view.clientId, caller);
  const queues = view.queues.filter((queue) => isInScope(seer.scope, queue));
  const principal = seer.roles.has('operator') || caller.principal === view.principal ? view.principal : '';
  return { ...view, queues, principal, served: view.served && servedFor(view.served, seer) };
}

/** What `clients.describe` tells, as far as the caller may see it. NOT_FOUND: as if the client were not there. */
export async function findClient(clients: Pick<Clients, 'describe'>, clientId: string, caller: Caller) {
  if (!mayAddress(caller, clientId)) throw noClient(clientId);
  const { view, sessions } = await clients.describe(clientId);
  return { view: viewFor(view, caller)!, sessions };
}

/**
 * Whether the caller may order something of the whole client: NOT_FOUND as `findClient`; PERMISSION_DENIED: it works for
 * queues of others too, or for none, as one that only serves methods: then it is nobody's of one queue.
 */
export async function checkClient(clients: Pick<Clients, 'describe'>, clientId: string, caller: Caller): Promise<void> {
  if (!mayAddress(caller, clientId)) throw noClient(clientId);
  const orderer = asSeerOf(clientId, caller);
  if (hasRights(orderer, ({ scope }) => scope.queues === 'all')) return;
  const { view, sessions } = await clients.describe(clientId);
  const queues = [...view.queues, ...sessions.flatMap((session) => session.queues)];
  if (queues.length === 0) {
    const problem = `${clientId} works for no queue: what is ordered of it is for operators of all queues`;
    throw new ContactError('PERMISSION_DENIED', problem, { field: 'client_id' });
  }
  if (hasRights(orderer, ({ scope }) => queues.every((queue) => isInScope(scope, queue)))) return;
  throw new ContactError('PERMISSION_DENIED', `${clientId} works for queues of others too`, { field: 'client_id' });
}

/** A client as operators list it: what it runs is told to who may see all queues, as in `writeSession`. */
export function writeClient(
  view: ClientView,
  { ended, oldest }: ClientRuns,
  { scope }: Caller,
): MessageInitShape<typeof ClientInfoSchema> {
  const { clientId, isNamed, isConnected, isDraining, principal, labels, queues, session, served, lastSeenAt } = view;
  return {
    id: clientId,
    ephemeral: !isNamed,
    connected: isConnected,
    draining: isDraining,
    labels,
    queues: [...queues],
    principal,
    ...(lastSeenAt === null ? {} : { lastSeenAt: timestampFromMs(lastSeenAt) }),
    ...(served ? writeServed(served) : {}),
    ...(ended ? { runs: writeRuns(ended) } : {}),
    ...(oldest && scope.queues === 'all' ? { oldestRunning: writeOldest(oldest) } : {}),
    // What a session says of the connection comes after it.
    ...(session
      ? {
          maxInFlight: session.ledger.credit,
          running: session.ledger.size,
          connectedAt: timestampFromMs(session.options.connectedAt),
          ...(session.lastReceiptAt > 0 ? { lastReceiptAt: timestampFromMs(session.lastReceiptAt) } : {}),
          status: session.text,
          plain: session.status === null,
          agent: session.options.agent,
          peer: session.options.outlet.peer,
        }
      : {}),
  };
}

function writeRuns({ ended, failed, p50Ms, p99Ms }: EndFigures): MessageInitShape<typeof ClientRunsSchema> {
  return {
    ended: BigInt(ended),
    failed: BigInt(failed),
    ...(p50Ms === null ? {} : { p50Ms: Math.round(p50Ms) }),
    ...(p99Ms === null ? {} : { p99Ms: Math.round(p99Ms) }),
  };
}

function writeOldest({ taskId, delivery, since }: OldestRun): MessageInitShape<typeof RunningTaskSchema> {
  return { taskId, delivery, since: timestampFromMs(since) };
}

function writeServed(served: NonNullable<ClientView['served']>) {
  return {
    services: [...served.services],
    calls: served.callCount,
    maxCalls: served.maxCalls,
    callsByService: { ...served.callsByService() },
    connectedAt: timestampFromMs(served.connectedAt),
    peer: served.peer,
  };
}

/** One session of a client, with what it holds. */
export function writeSession(session: Session, { scope }: Caller): MessageInitShape<typeof ClientSessionSchema> {
  const { ledger, options, lastReceiptAt, status } = session;
  const held = scope.queues === 'all' ? ledger.held.slice(0, MAX_TASKS) : [];
  return {
    connectedAt: timestampFromMs(options.connectedAt),
    ...(lastReceiptAt > 0 ? { lastReceiptAt: timestampFromMs(lastReceiptAt) } : {}),
    peer: options.outlet.peer,
    agent: options.agent,
    plain: status === null,
    maxInFlight: ledger.credit,
    running: ledger.size,
    unreceiptedBytes: BigInt(ledger.unreceiptedBytes),
    tasks: held.map(({ taskId, delivery, isStarted, cancelReason }) => ({
      taskId,
      delivery,
      started: isStarted === true,
      cancelRequested: cancelReason !== null,
    })),
  };
}
