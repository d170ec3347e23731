import { timestampFromMs } from '@bufbuild/protobuf/wkt';
import type { AdminService } from '../../gen/index.ts';
import type { Figures } from '../model/figures.ts';
import type { Retention } from '../model/retention.ts';
import type { Store } from '../store/store.ts';
import type { Agreement } from './events.ts';
import type { Handler } from './handler.ts';
import { REVISION } from './registration.ts';

/** A file of authorities may have as many to complain of as it has certificates. */
const MAX_PROBLEMS = 20;

/** What a server is like, for who asks. */
export interface ServerInfoOptions {
  readonly agreement: Agreement;
  readonly version: string;
  readonly node: string;
  readonly storeKind: string;
  readonly startedAt: number;
  readonly now: () => number;
  readonly store: Pick<Store, 'refusal' | 'space'>;
  readonly figures: () => Figures;
  readonly isAuthenticated: boolean;
  /** Of queues that have none of their own. */
  readonly retention: Readonly<Retention>;
}

/** Cheap: it counts nothing but sessions. What is not for every caller is for operators. */
export function createServerInfo(options: ServerInfoOptions): Handler<(typeof AdminService.method)['getServerInfo']> {
  const { agreement, version, node, storeKind, startedAt, now, store, figures, retention } = options;

  return async (_request, { caller }) => {
    const { limits, pingIntervalMs, resumeWindowMs } = agreement;
    const intervals = { pingIntervalMs, resumeWindowMs };
    const shared = { version, revision: REVISION, limits, intervals, now: timestampFromMs(now()) };
    if (!caller.roles.has('operator')) return shared;
    const {
      sessions,
      lags,
      limits: used,
      reachedLimits,
      certificateExpiresAt: expiresAt,
      maxFiles,
      fileProblems,
    } = figures();
    const space = store.space();
    return {
      ...shared,
      node,
      startedAt: timestampFromMs(startedAt),
      store: storeKind,
      sessions,
      trouble: store.refusal()?.message ?? '',
      limitsUsed: used.map(({ name, used, max }) => ({ name, used: BigInt(used), max: BigInt(max) })),
      limitsReached: Object.fromEntries(Object.entries(reachedLimits).map(([name, count]) => [name, BigInt(count)])),
      observerLag: BigInt(Math.max(0, ...lags)),
      authenticated: options.isAuthenticated,
      retention: { seconds: Math.ceil(retention.maxAgeMs / 1_000), max: retention.maxCount },
      maxFiles: Math.min(maxFiles ?? 0, 2 ** 32 - 1),
      fileProblems: fileProblems
        .slice(0, MAX_PROBLEMS)
        .map(({ what, advice, isHarmless = false }) => ({ problem: what, advice, harmless: isHarmless })),
      ...(space && { space: writeSpace(space) }),
      ...(expiresAt !== undefined && { certificateExpiresAt: timestampFromMs(expiresAt) }),
    };
  };
}

function writeSpace({ bytes, logBytes, freeBytes, minFreeBytes }: NonNullable<ReturnType<Store['space']>>) {
  const [database, log, free, minFree] = [bytes, logBytes, freeBytes, minFreeBytes].map(BigInt);
  return { database: database!, log: log!, free: free!, minFree: minFree! };
}
