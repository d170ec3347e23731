import { Subject } from 'rxjs';
import { EVERY_QUEUE } from '../../server/model/caller.ts';
import type { StoredCredential } from '../../server/store/credentials.ts';
import type { SettleOutcome } from '../../server/store/deliveries.ts';
import type { Request } from '../../server/store/request.ts';
import type { OpenedSession } from '../../server/store/sessions.ts';
import { type Signal, signalsOf } from '../../server/store/signals.ts';
import type { Store } from '../../server/store/store.ts';

/** The operations that change something, and what each is as a request. */
const REQUESTS: {
  readonly [K in keyof Store]?: Store[K] extends (...args: infer A) => unknown ? (...args: A) => Request : never;
} = {
  insertTasks: (tasks, now) => ({ kind: 'insert', tasks, now }),
  insertBroadcast: (parent, children, now, filledBy = null) => ({
    kind: 'insertBroadcast',
    parent,
    children,
    now,
    filledBy,
  }),
  openBroadcast: (parentId, limit, now) => ({ kind: 'openBroadcast', parentId, limit, now }),
  settleTasks: (settlements, now) => ({ kind: 'settle', settlements, now }),
  releaseTasks: (releases, now) => ({ kind: 'release', releases, now }),
  cancelTasks: (ids, reason, now, scope = EVERY_QUEUE, by = '', isOrder = true) => ({
    kind: 'cancel',
    ids,
    reason,
    now,
    scope,
    by,
    isOrder,
  }),
  redriveTasks: (ids, now, scope = EVERY_QUEUE, by = '') => ({ kind: 'redrive', ids, now, scope, by }),
  logTasks: (lines) => ({ kind: 'log', lines }),
  deleteTasks: (ids, scope = EVERY_QUEUE) => ({ kind: 'delete', ids, scope }),
  pruneTasks: (retention, limit, now) => ({ kind: 'prune', retention, limit, now }),
  wakeTasks: (now, limit) => ({ kind: 'wake', now, limit }),
  purgeTasks: (queue, limit, reason, now, by = '') => ({ kind: 'purge', queue, limit, reason, now, by }),
  openSession: (opening, now) => ({ kind: 'openSession', opening, now }),
  endSession: (session, started, now) => ({ kind: 'endSession', session, started, now }),
  setQueueSettings: (settings) => ({ kind: 'setQueue', settings }),
  drainClient: (clientId, isDrained) => ({ kind: 'drainClient', clientId, isDrained }),
  rememberServing: (client, now) => ({ kind: 'rememberServing', client, now }),
  leaveServing: (client, now) => ({ kind: 'leaveServing', client, now }),
  forgetClient: (clientId, now, by = '') => ({ kind: 'forgetClient', clientId, now, by }),
};

/** Operations whose answer does not say all that they change. */
const CREDENTIALS = ['createCredential', 'enrolClient', 'renewCredential', 'revokeCredential'] as const;

/** All credentials, each as a text that is another one when it may do something else. */
async function readCredentials(store: Pick<Store, 'listCredentials'>): Promise<Map<string, string>> {
  const found = new Map<string, string>();
  for (let page = await store.listCredentials('', 500); page.length > 0; ) {
    for (const one of page) found.set(one.id, JSON.stringify({ ...one, lastUsedAt: null }));
    page = await store.listCredentials(page.at(-1)!.id, 500);
  }
  return found;
}

/** What other nodes are told of a commit: all, and what its caller has as the answer. */
export function signalsForOthers(request: Request, answer: unknown): readonly Signal[] {
  const told = [...signalsOf(request, answer, 'committed'), ...signalsOf(request, answer, 'durable')];
  // A claim of that commit is another node's: none here has seen what was inserted.
  const signals = told.map((one): Signal => (one.kind === 'inserted' ? { kind: 'ready', lanes: one.lanes } : one));
  if (request.kind === 'settle' || request.kind === 'release') {
    const items = request.kind === 'settle' ? request.settlements : request.releases;
    const codes = answer as readonly SettleOutcome[];
    const deliveries = items.filter((_, i) => codes[i]!.code === 'STORED' || codes[i]!.code === 'DUPLICATE');
    if (deliveries.length > 0) signals.push({ kind: 'deliveriesEnded', deliveries });
  }
  if (request.kind === 'openSession') {
    const { session, resumed } = answer as OpenedSession;
    if (resumed) signals.push({ kind: 'sessionResumed', session });
  }
  return signals;
}

/**
 * A store that tells of what was done to it, one commit an operation.
 * @param onKept hears of each commit once its signals have been told
 */
export function withSignals(
  store: Omit<Store, 'signals$'>,
  onKept?: (request: Request, answer: unknown) => void,
): Store {
  const signals = new Subject<readonly Signal[]>();
  const telling = Object.fromEntries(
    Object.entries(REQUESTS).map(([name, requestOf]) => {
      const run = store[name as keyof typeof store] as (...args: unknown[]) => Promise<unknown>;
      const act = async (...args: unknown[]): Promise<unknown> => {
        const answer = await run(...args);
        const request = (requestOf as (...args: unknown[]) => Request)(...args);
        for (const stage of ['committed', 'durable'] as const) {
          const told = signalsOf(request, answer, stage);
          if (told.length > 0) signals.next(told);
        }
        onKept?.(request, answer);
        return answer;
      };
      return [name, act];
    }),
  );
  for (const name of CREDENTIALS) {
    const run = store[name] as (...args: unknown[]) => Promise<unknown>;
    telling[name] = async (...args: unknown[]): Promise<unknown> => {
      const before = await readCredentials(store);
      const answer = await run(...args);
      const changed = [...(await readCredentials(store))].filter(([id, one]) => before.get(id) !== one);
      const credentials = changed.map(([, one]) => JSON.parse(one) as StoredCredential);
      if (credentials.length > 0) signals.next([{ kind: 'credentialsChanged', credentials }]);
      return answer;
    };
  }
  return { ...store, ...telling, signals$: signals.asObservable() };
}
