import { hostname } from 'node:os';
import * as z from 'zod';
import { type Address, isSocketAddress, MAX_SOCKET_PATH_BYTES, readAddress } from '../shared/address.ts';
import { type Clock, type Random, systemClock } from '../shared/clock.ts';
import { ContactError } from '../shared/errors.ts';
import { type Logger, silentLogger } from '../shared/logger.ts';
import { connectionsWithin, readDescriptorLimit } from './descriptors.ts';
import { BROADCAST_PARTS, type BroadcastParts } from './dispatch/broadcasts.ts';

/** Everything a server can be told. Durations are milliseconds, sizes bytes. */
export interface ServerOptions {
  /**
   * HOST:PORT, where port 0 picks a free one, or `unix:PATH`, a socket file that is this user's alone; one or several.
   */
  readonly listen: string | readonly string[];
  /** `sqlite:PATH`, or `memory:` for tasks that do not outlive the process. */
  readonly store: string;
  /** The name of this process among several. */
  readonly node: string;
  readonly maxPayloadBytes: number;
  readonly maxResultBytes: number;
  /** Credit of one session; what asks for more gets this. */
  readonly maxInFlight: number;
  /** A session silent for this long is pinged; three of them without life end it. */
  readonly pingIntervalMs: number;
  /** A line slower than this is taken for dead: what is on its way buys a silent client that much time. */
  readonly slowLineBytesPerSecond: number;
  /** A lost session keeps its tasks this long. */
  readonly resumeWindowMs: number;
  /** A running task whose cancel nobody confirmed is closed after this. */
  readonly cancelGraceMs: number;
  /** How long `close()` takes results before it ends the streams. */
  readonly shutdownDeadlineMs: number;
  /** How long a reader may hold on to a stream that has ended, and its connection give no answer once that is reset. */
  readonly stuckSocketMs: number;
  /** How long a SendStatus stream waits for its GetTask. */
  readonly pairingMs: number;
  /** Unreceipted bytes of one session. */
  readonly maxUnreceiptedBytes: number;
  /** Unreceipted bytes of all sessions together. */
  readonly unreceiptedBudgetBytes: number;
  /** Below this much free disk, enqueues are refused and results are not. */
  readonly minFreeBytes: number;
  /** Days for which settled tasks and their results are kept, of queues that do not say it; 0: no limit. */
  readonly retainDays: number;
  /** Settled tasks that each of those queues keeps, once they are ten minutes old; 0: no limit. */
  readonly retainMax: number;
  /** Connections at a time; one more is closed at once. */
  readonly maxConnections: number;
  /** Calls that one connection may have open; further ones wait at the client. */
  readonly maxStreamsPerConnection: number;
  /** Calls of all connections that are open at a time. */
  readonly maxOpenCalls: number;
  /** Bytes of unfinished messages and of unread answers of all calls together; as many again for streamed answers. */
  readonly heldBudgetBytes: number;
  /** Classic clients: a task counts as done once it is written (at most once), also without `contact-settle`. */
  readonly classicSettleOnWrite: boolean;
}

export const DEFAULTS: ServerOptions = Object.freeze({
  listen: '127.0.0.1:50051',
  store: 'sqlite:contact.db',
  node: hostname(),
  maxPayloadBytes: 1 << 20,
  maxResultBytes: 1 << 20,
  maxInFlight: 10_000,
  pingIntervalMs: 5_000,
  slowLineBytesPerSecond: 8 << 10,
  resumeWindowMs: 15_000,
  cancelGraceMs: 30_000,
  shutdownDeadlineMs: 10_000,
  stuckSocketMs: 10_000,
  pairingMs: 10_000,
  maxUnreceiptedBytes: 1 << 20,
  unreceiptedBudgetBytes: 256 << 20,
  minFreeBytes: 64 << 20,
  retainDays: 7,
  retainMax: 1_000_000,
  maxConnections: connectionsWithin(readDescriptorLimit()),
  maxStreamsPerConnection: 2_000,
  maxOpenCalls: 50_000,
  heldBudgetBytes: 64 << 20,
  classicSettleOnWrite: false,
});

/** What a test or an embedding program may replace. */
export interface ServerParts {
  readonly clock: Clock;
  readonly random: Random;
  readonly logger: Logger;
  readonly broadcastParts: BroadcastParts;
}

export const DEFAULT_PARTS: ServerParts = Object.freeze({
  clock: systemClock,
  random: Math.random,
  logger: silentLogger,
  broadcastParts: BROADCAST_PARTS,
});

const MAX_MS = 2 ** 31 - 1;
const ms = z.int().min(1).max(MAX_MS);
const bytes = z
  .int()
  .min(1)
  .max(64 << 20);

const schema = z.object({
  listen: z.union([z.string(), z.array(z.string()).min(1)]),
  store: z.string().min(1),
  node: z.string().regex(/^[A-Za-z0-9._:/-]{1,128}$/, 'to be a name of [A-Za-z0-9._:/-], 1 to 128 characters'),
  maxPayloadBytes: bytes,
  maxResultBytes: bytes,
  maxInFlight: z.int().min(1).max(100_000),
  pingIntervalMs: ms,
  slowLineBytesPerSecond: z.int().min(1),
  resumeWindowMs: ms,
  cancelGraceMs: ms,
  shutdownDeadlineMs: z.int().min(0).max(MAX_MS),
  stuckSocketMs: ms,
  pairingMs: ms,
  maxUnreceiptedBytes: bytes,
  unreceiptedBudgetBytes: z.int().min(1),
  minFreeBytes: z.int().min(0),
  retainDays: z.number().min(0).max(36_500),
  retainMax: z
    .int()
    .min(0)
    .max(2 ** 32 - 1),
  maxConnections: z.int().min(1),
  maxStreamsPerConnection: z
    .int()
    .min(1)
    .max(2 ** 31 - 1),
  maxOpenCalls: z.int().min(1),
  heldBudgetBytes: z.int().min(1),
  classicSettleOnWrite: z.boolean(),
});

/** Fills in defaults and checks every option once. INVALID_ARGUMENT: Expected `pingIntervalMs` …, got `0`. */
export function resolveOptions(given: Partial<ServerOptions>): ServerOptions {
  const merged: Record<string, unknown> = { ...DEFAULTS };
  for (const [name, value] of Object.entries(given)) {
    if (!(name in DEFAULTS)) throw new ContactError('INVALID_ARGUMENT', `Unknown option \`${name}\``);
    if (value !== undefined) merged[name] = value;
  }
  const checked = schema.safeParse(merged);
  if (checked.success) return Object.freeze(checked.data);
  const issue = checked.error.issues[0]!;
  const name = String(issue.path[0]);
  throw new ContactError('INVALID_ARGUMENT', `Expected \`${name}\` ${issue.message}, got \`${String(merged[name])}\``);
}

/** Reads the addresses. INVALID_ARGUMENT: one of them is no address. */
export function readListen(listen: ServerOptions['listen']): Address[] {
  return [listen].flat().map((text) => {
    const address = readAddress(text);
    if (address) return address;
    const expected = isSocketAddress(text)
      ? `to be unix:PATH, PATH of at most ${MAX_SOCKET_PATH_BYTES} bytes and without control characters`
      : 'to be HOST:PORT, the port up to 65535, or unix:PATH';
    throw new ContactError('INVALID_ARGUMENT', `Expected \`listen\` ${expected}, got \`${text}\``);
  });
}

/** The latest instant that a Date can hold, as the store's instants must. */
const MAX_INSTANT_MS = 8_640_000_000_000_000;

/** Checks the clock that a program brings. INVALID_ARGUMENT: it tells no time. */
export function checkClock(clock: Clock): void {
  for (const [name, limit] of [
    ['now', MAX_INSTANT_MS],
    ['monotonic', Number.MAX_SAFE_INTEGER],
  ] as const) {
    const told: unknown = typeof clock?.[name] === 'function' ? clock[name]() : undefined;
    if (typeof told === 'number' && Math.abs(told) <= limit) continue;
    throw new ContactError(
      'INVALID_ARGUMENT',
      `Expected \`clock.${name}()\` to be milliseconds, got \`${String(told)}\``,
    );
  }
  if (typeof clock.after !== 'function')
    throw new ContactError('INVALID_ARGUMENT', 'Expected `clock.after` to be a function');
}
