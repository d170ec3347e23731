import type { MessageInitShape } from '@bufbuild/protobuf';
import { timestampFromMs } from '@bufbuild/protobuf/wkt';
import type { ClientInfoSchema, ClientSessionSchema } from '../../gen/index.ts';
import type { Caller } from '../model/caller.ts';
import type { ClientView } from '../session/clients.ts';
import type { Session } from '../session/session.ts';

/** Tasks of one session that an operator is told. */
const MAX_TASKS = 1_000;

/** A client as operators list it. */
export function writeClient(view: ClientView): MessageInitShape<typeof ClientInfoSchema> {
  const { clientId, isNamed, isConnected, isDraining, labels, queues, session, served, lastSeenAt } = view;
  return {
    id: clientId,
    ephemeral: !isNamed,
    connected: isConnected,
    draining: isDraining,
    labels,
    queues: [...queues],
    ...(lastSeenAt === null ? {} : { lastSeenAt: timestampFromMs(lastSeenAt) }),
    ...(served ? writeServed(served) : {}),
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

function writeServed(served: NonNullable<ClientView['served']>): MessageInitShape<typeof ClientInfoSchema> {
  return {
    services: [...served.services],
    calls: served.callCount,
    maxCalls: served.maxCalls,
    callsByService: { ...served.callsByService() },
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
