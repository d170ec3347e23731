import type {
  ClientInfo,
  ClientRuns,
  ClientSession,
  DescribeClientResponse,
  RunningTask,
} from '../gen/contact/v1/admin_service_pb.ts';
import { instantOf } from './instant.ts';
import { type Json, someText } from './plain.ts';

export function clientToJson(client: ClientInfo): Json {
  const { runs, oldestRunning } = client;
  return {
    client: client.id,
    ephemeral: client.ephemeral,
    connected: client.connected,
    draining: client.draining,
    plain: client.plain,
    labels: client.labels,
    queues: client.queues,
    services: client.services,
    running: client.running,
    maxInFlight: client.maxInFlight,
    calls: client.calls,
    maxCalls: client.maxCalls,
    callsByService: client.callsByService,
    connectedAt: instantOf(client.connectedAt),
    lastReceiptAt: instantOf(client.lastReceiptAt),
    lastSeenAt: instantOf(client.lastSeenAt),
    status: someText(client.status),
    agent: someText(client.agent),
    peer: someText(client.peer),
    runs: runs && runsToJson(runs),
    oldestRunning: oldestRunning && oldestToJson(oldestRunning),
    principal: someText(client.principal),
  };
}

function runsToJson({ ended, failed, p50Ms, p99Ms }: ClientRuns): Json {
  return { ended: Number(ended), failed: Number(failed), p50Ms, p99Ms };
}

function oldestToJson({ taskId: id, delivery, since }: RunningTask): Json {
  return { id, delivery, since: instantOf(since) };
}

/** @param client the one that is described, which every answer has */
export function clientDetailToJson(
  client: ClientInfo,
  { sessions, methods }: Pick<DescribeClientResponse, 'sessions' | 'methods'>,
): Json {
  return {
    ...clientToJson(client),
    sessions: sessions.map(sessionToJson),
    methods: methods.map(({ method, calls }) => ({ method, calls })),
  };
}

function sessionToJson(session: ClientSession): Json {
  return {
    connectedAt: instantOf(session.connectedAt),
    lastReceiptAt: instantOf(session.lastReceiptAt),
    peer: someText(session.peer),
    agent: someText(session.agent),
    plain: session.plain,
    running: session.running,
    maxInFlight: session.maxInFlight,
    unreceiptedBytes: Number(session.unreceiptedBytes),
    tasks: session.tasks.map(({ taskId: id, delivery, started, cancelRequested }) => ({
      id,
      delivery,
      started,
      cancelRequested,
    })),
  };
}
