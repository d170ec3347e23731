import { isDeepStrictEqual } from 'node:util';
import { type Address, isLoopback, isSocketAddress, MAX_SOCKET_PATH_BYTES, readAddress } from '../shared/address.ts';
import { type Clock, type Random, systemClock } from '../shared/clock.ts';
import { invalid } from '../shared/errors.ts';
import { type Logger, silentLogger } from '../shared/logger.ts';
import { checkIdentity } from './access/options.ts';
import type { AnyRow } from './config/row.ts';
import { defaultsOf, SERVER_ROWS, type ServerOptions } from './config/table.ts';
import { BROADCAST_PARTS, type BroadcastParts } from './dispatch/broadcasts.ts';
import { STEP_MS } from './history/history.ts';
import type { KeepOperatorToken } from './identity.ts';
import { DAY_MS, type Retention } from './model/retention.ts';
import { readConnectionLimits } from './transport/connection_limits.ts';

export type { ServerOptions };

/** What a server does that is told nothing. */
export const DEFAULTS: ServerOptions = defaultsOf(SERVER_ROWS);

/** What a test or an embedding program may replace. */
export interface ServerParts {
  readonly clock: Clock;
  readonly random: Random;
  readonly logger: Logger;
  readonly broadcastParts: BroadcastParts;
  /** Of one step of the history, which has 360: whole seconds, in milliseconds. */
  readonly historyStepMs: number;
  /**
   * Given the token of the first operator, `ct_…`, when a server that asks who calls has no credential yet: keep it where its
   * owner finds it, and nobody else. It is worth something once this has resolved. Undefined: no token is made.
   */
  readonly keepOperatorToken: KeepOperatorToken | undefined;
}

export const DEFAULT_PARTS: ServerParts = Object.freeze({
  clock: systemClock,
  random: Math.random,
  logger: silentLogger,
  broadcastParts: BROADCAST_PARTS,
  historyStepMs: STEP_MS,
  keepOperatorToken: undefined,
});

/** Fills in defaults and checks every option once. INVALID_ARGUMENT: `pingIntervalMs: expected …, got 0`, naming the field. */
export function resolveOptions(given: Partial<ServerOptions>): ServerOptions {
  const merged: Record<string, unknown> = { ...DEFAULTS };
  for (const [name, value] of Object.entries(given)) {
    if (!(name in DEFAULTS)) throw invalid(name, 'no such option');
    if (value !== undefined) merged[name] = value;
  }
  for (const [name, { kind, isSecret }] of Object.entries<AnyRow>(SERVER_ROWS)) {
    if (kind.values.has(merged[name])) continue;
    const got = isSecret ? '' : `, got \`${String(merged[name])}\``;
    throw invalid(name, `expected ${kind.values.form}${got}`);
  }
  const options = Object.freeze(merged) as ServerOptions;
  checkIdentity(options);
  readConnectionLimits(options, true);
  return options;
}

/** The options that differ and that a running server does not take over. */
export function listFixed(before: ServerOptions, after: ServerOptions): (keyof ServerOptions)[] {
  const names = Object.keys(SERVER_ROWS) as (keyof ServerOptions)[];
  return names.filter((name) => {
    const { kind, isReloaded }: AnyRow = SERVER_ROWS[name];
    return !isReloaded && !isDeepStrictEqual(kind.write(before[name]), kind.write(after[name]));
  });
}

/** What queues keep that have no retention of their own. */
export function readRetention({ retainDays, retainMax }: ServerOptions): Retention {
  return { maxAgeMs: retainDays * DAY_MS, maxCount: retainMax };
}

/** Reads the addresses. INVALID_ARGUMENT: one of them is no address. */
export function readListen(listen: ServerOptions['listen']): Address[] {
  return [listen].flat().map((text) => {
    const address = readAddress(text);
    if (address) return address;
    const expected = isSocketAddress(text)
      ? `unix:PATH, PATH of at most ${MAX_SOCKET_PATH_BYTES} bytes and without control characters`
      : 'HOST:PORT, the port up to 65535, or unix:PATH';
    throw invalid('listen', `expected ${expected}, got \`${text}\``);
  });
}

/**
 * Reads where metrics are told; undefined: nowhere. INVALID_ARGUMENT: that is no address, or one that others reach, and
 * nobody said that they may.
 */
export function readMetrics({
  metrics,
  metricsPublic,
}: Pick<ServerOptions, 'metrics' | 'metricsPublic'>): (Address & { kind: 'port' }) | undefined {
  if (metrics === undefined) return undefined;
  const address = readAddress(metrics);
  if (address?.kind !== 'port') throw invalid('metrics', `expected HOST:PORT, got \`${metrics}\``);
  if (metricsPublic || isLoopback(address.host)) return address;
  throw invalid(
    'metrics',
    `expected an address on loopback, got \`${metrics}\`: names of queues and figures of the load are told to whoever ` +
      'reaches it; say `metricsPublic` (--metrics-public) if that is meant',
  );
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
    throw invalid(`clock.${name}()`, `expected milliseconds, got \`${String(told)}\``);
  }
  if (typeof clock.after !== 'function') throw invalid('clock.after', 'expected a function');
}
