import { Subject } from 'rxjs';
import type { Request } from '../../server/store/request.ts';
import { type Signal, signalsOf } from '../../server/store/signals.ts';
import type { Store } from '../../server/store/store.ts';

/** The operations that change something, and what each is as a request. */
const REQUESTS: {
  readonly [K in keyof Store]?: Store[K] extends (...args: infer A) => unknown ? (...args: A) => Request : never;
} = {
  insertTasks: (tasks, now) => ({ kind: 'insert', tasks, now }),
  insertBroadcast: (parent, children, now, isWhole = true) => ({
    kind: 'insertBroadcast',
    parent,
    children,
    now,
    isWhole,
  }),
  openBroadcast: (parentId, limit, now) => ({ kind: 'openBroadcast', parentId, limit, now }),
  settleTasks: (settlements, now) => ({ kind: 'settle', settlements, now }),
  releaseTasks: (releases, now) => ({ kind: 'release', releases, now }),
  cancelTasks: (ids, reason, now) => ({ kind: 'cancel', ids, reason, now }),
  retryTasks: (ids, now) => ({ kind: 'retry', ids, now }),
  deleteTasks: (ids) => ({ kind: 'delete', ids }),
  wakeTasks: (now, limit) => ({ kind: 'wake', now, limit }),
  purgeTasks: (queue, limit, reason, now) => ({ kind: 'purge', queue, limit, reason, now }),
  openSession: (opening, now) => ({ kind: 'openSession', opening, now }),
  endSession: (session, started, now) => ({ kind: 'endSession', session, started, now }),
  setQueueSettings: (settings) => ({ kind: 'setQueue', settings }),
  drainClient: (clientId, isDrained) => ({ kind: 'drainClient', clientId, isDrained }),
};

/** A store that tells of what was done to it, one commit an operation. */
export function withSignals(store: Omit<Store, 'signals$'>): Store {
  const signals = new Subject<readonly Signal[]>();
  const telling = Object.fromEntries(
    Object.entries(REQUESTS).map(([name, requestOf]) => {
      const run = store[name as keyof typeof store] as (...args: unknown[]) => Promise<unknown>;
      const act = async (...args: unknown[]): Promise<unknown> => {
        const answer = await run(...args);
        const request = (requestOf as (...args: unknown[]) => Request)(...args);
        for (const stage of ['committed', 'kept'] as const) {
          const told = signalsOf(request, answer, stage);
          if (told.length > 0) signals.next(told);
        }
        return answer;
      };
      return [name, act];
    }),
  );
  return { ...store, ...telling, signals$: signals.asObservable() };
}
