import { hostname } from 'node:os';
import { connectionsWithin, readDescriptorLimit } from './descriptors.ts';
import {
  address,
  choice,
  count,
  duration,
  hostName,
  list,
  name,
  oneOrMore,
  optional,
  origin,
  path,
  size,
  text,
  toggle,
} from './kinds.ts';
import { row } from './row.ts';

// The options of a server, each once. Flags of `contact serve`, environment, file, `createServer()`, `--check` and
// docs/configuration.md are made of these rows: `npm run generate` after a change.

/** What one message, one payload or one result may be. */
const MAX_MESSAGE_PART = 64 << 20;

export const NETWORK = {
  listen: row({
    kind: oneOrMore(address()),
    default: '127.0.0.1:50051',
    description: 'HOST:PORT, where port 0 picks a free one, or unix:PATH, a socket file that is for this user alone',
  }),
  http: row({
    kind: toggle(),
    default: true,
    description:
      'the same addresses answer JSON over HTTP too; what answers is loaded with the first request of that kind',
  }),
  httpHosts: row({
    kind: list(hostName()),
    default: [],
    description:
      'names by which requests over HTTP may come, beside addresses, localhost and those of tls-name; * allows all',
  }),
  httpOrigins: row({
    kind: list(origin()),
    default: [],
    description:
      'pages of these origins may ask over HTTP; * allows all; those that the server has served itself may anyway',
  }),
  node: row({
    kind: name(),
    default: hostname(),
    defaultText: 'the name of the host',
    description: 'the name of this process among several',
  }),
  maxConnections: row({
    kind: count({ min: 1 }),
    default: connectionsWithin(readDescriptorLimit()),
    defaultText: '10000, or fewer where the system gives fewer descriptors',
    description:
      'connections at a time; one more takes the place of one over which no call was let in, or is closed at once',
  }),
  reservedConnections: row({
    kind: optional(count()),
    default: undefined,
    defaultText: 'a tenth of them, at least 1 and at most 100; none where auth is off',
    description: 'of those, places for operators, half of them for their socket file alone',
  }),
  maxConnectionsPerPrincipal: row({
    kind: optional(count({ min: 1 })),
    default: undefined,
    defaultText: 'half of maxConnections',
    description: 'connections over which one principal was let in, where callers are known by their credentials',
  }),
  maxConnectionIdleMs: row({
    kind: duration(),
    default: 300_000,
    description:
      'a connection without a call for this long is ended, which clients of the SDK do themselves after four minutes',
  }),
  maxStreamsPerConnection: row({
    kind: count({ min: 1, max: 2 ** 31 - 1 }),
    default: 2_000,
    description: 'calls that one connection may have open; further ones wait at the client',
  }),
  maxOpenCalls: row({
    kind: count({ min: 1 }),
    default: 50_000,
    description: 'calls of all connections that are open at a time',
  }),
  heldBudgetBytes: row({
    kind: size(),
    default: 64 << 20,
    description: 'unfinished messages and unread answers of all calls together; as much again for streamed answers',
  }),
  stuckSocketMs: row({
    kind: duration(),
    default: 10_000,
    description: 'how long a reader may hold on to a stream that has ended, and its connection then give no answer',
  }),
};

export const STORAGE = {
  store: row({
    kind: text('url', 'sqlite:PATH, or memory:'),
    default: 'sqlite:contact.db',
    description: 'sqlite:PATH, or memory: for tasks that end with the process',
  }),
  minFreeBytes: row({
    kind: size({ min: 0 }),
    default: 64 << 20,
    description: 'with less free disk, tasks are refused and results are not',
  }),
  retainDays: row({
    kind: count({ max: 36_500, isFractional: true }),
    default: 7,
    isReloaded: true,
    description:
      'days for which settled tasks are kept, of queues that do not say it ("contact queues retain"); 0: no limit',
  }),
  retainMax: row({
    kind: count({ max: 2 ** 32 - 1 }),
    default: 1_000_000,
    isReloaded: true,
    description: 'settled tasks that each of those queues keeps, once they are ten minutes old; 0: no limit',
  }),
};

export const TASKS = {
  maxPayloadBytes: row({
    kind: size({ max: MAX_MESSAGE_PART }),
    default: 1 << 20,
    description: 'the payload of a task',
  }),
  maxResultBytes: row({ kind: size({ max: MAX_MESSAGE_PART }), default: 1 << 20, description: 'the result of a task' }),
  cancelGraceMs: row({
    kind: duration(),
    default: 30_000,
    description: 'a running task whose cancel no worker confirms is closed after this',
  }),
};

export const SESSIONS = {
  maxInFlight: row({
    kind: count({ min: 1, max: 100_000 }),
    default: 10_000,
    description: 'unfinished tasks of one session; what asks for more gets this',
  }),
  pingIntervalMs: row({
    kind: duration(),
    default: 5_000,
    description: 'a session silent for this long is pinged; three of them without life end it',
  }),
  slowLineBytesPerSecond: row({
    kind: size(),
    default: 8 << 10,
    description: 'each second; a slower line is taken for dead: what is on its way buys a silent client that much time',
  }),
  resumeWindowMs: row({ kind: duration(), default: 15_000, description: 'a lost session keeps its tasks this long' }),
  pairingMs: row({
    kind: duration(),
    default: 10_000,
    description: 'how long a SendStatus stream waits for its GetTask',
  }),
  maxUnreceiptedBytes: row({
    kind: size({ max: MAX_MESSAGE_PART }),
    default: 1 << 20,
    description: 'tasks that one session was sent and has not confirmed',
  }),
  unreceiptedBudgetBytes: row({
    kind: size(),
    default: 256 << 20,
    description: 'tasks that all sessions together were sent and have not confirmed',
  }),
  shutdownDeadlineMs: row({
    kind: duration({ min: 0 }),
    default: 10_000,
    description: 'how long a stopping server takes results before it ends the streams',
  }),
  classicSettleOnWrite: row({
    kind: toggle(),
    default: false,
    description: 'for classic clients that never tell results: a task counts as done once it is written',
  }),
};

export const LIMITS = {
  maxHeaderBytes: row({
    kind: size({ min: 4 << 10, max: 64 << 10 }),
    default: 16 << 10,
    description: 'headers of one call, keys and values',
  }),
  maxWaitingTasks: row({
    kind: count({ min: 1 }),
    default: 10_000_000,
    description: 'tasks that wait, ready or scheduled, in all queues together',
  }),
  maxWaitingTasksPerPrincipal: row({
    kind: count({ min: 1 }),
    default: 5_000_000,
    description: 'of those, tasks of one principal, where callers are known by their credentials',
  }),
  maxQueues: row({
    kind: count({ min: 1, max: 1_000_000 }),
    default: 100_000,
    description: 'names of queues that have tasks or settings',
  }),
  maxQueuesPerPrincipal: row({
    kind: count({ min: 1, max: 1_000_000 }),
    default: 50_000,
    description: 'of those, names that came to be by one principal, where callers are known by their credentials',
  }),
  maxNamedClients: row({
    kind: count({ min: 1, max: 1_000_000 }),
    default: 10_000,
    description:
      'named clients that are remembered while they are away; beyond that those that came last are forgotten',
  }),
  maxNamedClientsPerPrincipal: row({
    kind: count({ min: 1, max: 1_000_000 }),
    default: 5_000,
    description: 'of those, clients that came by one principal, where callers are known by their credentials',
  }),
  maxSessionsPerPrincipal: row({
    kind: count({ min: 1 }),
    default: 5_000,
    description: 'open GetTask streams of one principal, where callers are known by their credentials',
  }),
  maxCallsPerPrincipal: row({
    kind: count({ min: 1 }),
    default: 20_000,
    description: 'calls that one principal may have open, streams among them',
  }),
  enqueueRatePerPrincipal: row({
    kind: count({ min: 1 }),
    default: 100_000,
    description:
      'tasks that one principal enqueues in a second: of more a stream is acknowledged late, and a call is refused',
  }),
};

export const METRICS = {
  metrics: row({
    kind: optional(address()),
    default: undefined,
    description:
      'HOST:PORT of /metrics for Prometheus, and of /livez and /readyz for probes, over HTTP; port 0 picks a free one',
  }),
  metricsPublic: row({
    kind: toggle(),
    default: false,
    description: 'they may be told beyond loopback, where whoever reaches them needs no credential',
  }),
};

/** Options of `contact serve` alone: a program that embeds a server has a logger of its own. */
export const LOGS = {
  logLevel: row({
    kind: choice('debug', 'info', 'warn', 'error', 'silent'),
    default: 'info',
    isReloaded: true,
    description: 'of the log on stderr',
  }),
  auditLog: row({
    kind: optional(path({ isMade: true })),
    default: undefined,
    isReloaded: true,
    description:
      'what operators do is also appended to this file, which is made for this user alone and opened anew on SIGHUP',
  }),
};
