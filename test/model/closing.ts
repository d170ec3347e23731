import type { Store } from '../../server/store/store.ts';
import { ContactError } from '../../shared/errors.ts';

type Ask = (...args: unknown[]) => unknown;

/** A store that takes nothing any more once it is closed. */
export function withClose<S extends Omit<Store, 'signals$'>>(store: S): S {
  let isClosed = false;
  const guarded = Object.entries(store).flatMap(([name, operation]) => {
    if (typeof operation !== 'function' || name === 'close') return [];
    const ask: Ask = (...args) =>
      isClosed ? Promise.reject(new ContactError('UNAVAILABLE', 'store: closed')) : (operation as Ask)(...args);
    return [[name, ask]];
  });
  const close = async (): Promise<void> => {
    isClosed = true;
    await store.close();
  };
  return { ...store, ...Object.fromEntries(guarded), close };
}
