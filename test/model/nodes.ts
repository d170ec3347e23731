import { Observable, Subject } from 'rxjs';
import type { Request } from '../../server/store/request.ts';
import type { Signal } from '../../server/store/signals.ts';
import type { Store } from '../../server/store/store.ts';
import { signalsForOthers, withSignals } from './signals.ts';

/** One store, as several nodes have it that hear of one another through it. */
export interface SharedStore {
  /** What each node opens. Closing it leaves the others theirs. */
  readonly stores: readonly Store[];
  /** What becomes of the signals of other nodes on their way: late, doubled, lost. Undefined: nothing. */
  disturb: ((pass: () => void) => void) | undefined;
}

/**
 * Each node tells itself of its own commits, and the others of what they have to hear of them: as a store behind a network does.
 * @param store its own signals are not heard
 */
export function shareStore(store: Store, count: number): SharedStore {
  const { signals$: _signals, ...silent } = store;
  const heard = Array.from({ length: count }, () => new Subject<readonly Signal[]>());

  function tellOthers(from: number, request: Request, answer: unknown): void {
    const told = signalsForOthers(request, answer);
    if (told.length === 0) return;
    heard.forEach((subject, at) => {
      if (at === from) return;
      const pass = (): void => subject.next(told);
      if (shared.disturb) shared.disturb(pass);
      else pass();
    });
  }

  const shared: SharedStore = {
    stores: heard.map((subject, at) => {
      const own = withSignals(silent, (request, answer) => tellOthers(at, request, answer));
      const signals$ = new Observable<readonly Signal[]>((subscriber) => {
        const subscriptions = [own.signals$.subscribe(subscriber), subject.subscribe(subscriber)];
        return () => {
          for (const one of subscriptions) one.unsubscribe();
        };
      });
      return {
        ...own,
        capabilities: { ...store.capabilities, isShared: true },
        signals$,
        close: async () => undefined,
      };
    }),
    disturb: undefined,
  };
  return shared;
}
