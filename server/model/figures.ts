import type { Complaint } from '../../shared/authorities.ts';

/** How much of a limit is used. */
export interface LimitUse {
  /** What is limited, in lower case: `connections`. */
  readonly name: string;
  readonly used: number;
  readonly max: number;
}

/** How often there was each code of gRPC, by its number; 0 is OK. */
export type CountByCode = readonly number[];

const CODES = 17;
const UNKNOWN = 2;

/** Limits of principals whose refusals, and for the rate delays, are counted. */
export const PRINCIPAL_LIMITS = [
  'connections_per_principal',
  'sessions_per_principal',
  'calls_per_principal',
  'waiting_per_principal',
  'disk_per_principal',
  'queue_names_per_principal',
  'awaited_per_principal',
  'selectors_per_principal',
  'methods_per_principal',
  'descriptors_per_principal',
  'call_selectors_per_principal',
  'enqueue_rate',
] as const;

export type PrincipalLimit = (typeof PRINCIPAL_LIMITS)[number];

/**
 * Why calls were not let in. `unchecked`: whether the credential is good could not be found out; `limit`: of headers, of the calls of a
 * principal, of calls without a credential.
 */
export const REFUSED_FOR = [
  'no_credential',
  'bad_credential',
  'expired',
  'revoked',
  'role',
  'limit',
  'unchecked',
  'fault',
] as const;

export type RefusedFor = (typeof REFUSED_FOR)[number];

/**
 * Why the server has ended connections. `unadmitted`: no call was let in over it in time; `idle`: it had none for long; `displaced`: nobody
 * was let in over it, and another one came when there were as many as the server takes; `full`: its principal had as many as it may, or
 * there were as many as may be of callers like that; `guesses`: too many refusals in a row.
 */
export const CONNECTION_ENDS = ['unadmitted', 'idle', 'displaced', 'full', 'guesses'] as const;

export type ConnectionEnd = (typeof CONNECTION_ENDS)[number];

/** What has happened since the server started and nobody else counts: one addition each, where it happens. */
export interface EventCounts {
  refusedConnections: number;
  readonly endedConnections: Record<ConnectionEnd, number>;
  readonly endedCalls: number[];
  readonly endedLiveCalls: number[];
  readonly endedDurableCalls: number[];
  readonly refusedTasks: number[];
  /** How often a principal has reached each. */
  readonly reachedLimits: Record<PrincipalLimit, number>;
  readonly refusedCalls: Record<RefusedFor, number>;
}

export function createEventCounts(): EventCounts {
  const create = (): number[] => new Array<number>(CODES).fill(0);
  return {
    refusedConnections: 0,
    endedConnections: Object.fromEntries(CONNECTION_ENDS.map((end) => [end, 0])) as Record<ConnectionEnd, number>,
    endedCalls: create(),
    endedLiveCalls: create(),
    endedDurableCalls: create(),
    refusedTasks: create(),
    reachedLimits: Object.fromEntries(PRINCIPAL_LIMITS.map((limit) => [limit, 0])) as Record<PrincipalLimit, number>,
    refusedCalls: Object.fromEntries(REFUSED_FOR.map((reason) => [reason, 0])) as Record<RefusedFor, number>,
  };
}

/** What counts that a principal has reached a limit of its own. */
export function countReached({ reachedLimits }: Pick<EventCounts, 'reachedLimits'>, limit: PrincipalLimit): () => void {
  return () => {
    reachedLimits[limit] += 1;
  };
}

/** Adds to the count of a code; what is none counts as UNKNOWN. */
export function countCode(counts: number[], code: number, by = 1): void {
  counts[code in counts ? code : UNKNOWN]! += by;
}

/** The sessions of workers, all together. */
export interface SessionFigures {
  readonly sessions: number;
  /** Clients that have a session, or serve. */
  readonly clients: number;
  /** How many unfinished tasks all sessions may hold, and how many they do. */
  readonly credit: number;
  readonly held: number;
  readonly unreceiptedBytes: number;
}

/** What is known of a server at one moment, without a look at any task. */
export interface Figures extends SessionFigures, Readonly<EventCounts> {
  readonly connections: number;
  /** Those over which somebody was let in, who stands. */
  readonly admittedConnections: number;
  /** Calls to the server's own services, and to those that clients serve. */
  readonly openCalls: number;
  readonly openReverseCalls: number;
  /** The newest result. */
  readonly position: number;
  /** By how many results each observer is behind. */
  readonly lags: readonly number[];
  readonly limits: readonly LimitUse[];
  /** When the server's certificate ends, in milliseconds since 1970; undefined: it speaks no TLS. */
  readonly certificateExpiresAt: number | undefined;
  /** What is to be mended in the files of certificates that the server was given. */
  readonly fileProblems: readonly Complaint[];
  /** Files and sockets that the process may have open; undefined: nobody knows. */
  readonly maxFiles: number | undefined;
}
