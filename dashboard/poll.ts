import { useEffect, useState } from 'preact/hooks';
import { changes, RequestError, token } from './request.ts';

/** What was read, and how that went last. */
export interface Polled<T> {
  /** The newest that was read; undefined: nothing yet. */
  readonly data: T | undefined;
  /** Why the last reading failed; `data` is then older. */
  readonly error: RequestError | undefined;
}

interface State<T> {
  readonly key: string;
  readonly data: T | undefined;
  readonly error: RequestError | undefined;
}

/** A reading that takes long is not repeated at once: most of the time is left to others. */
const SHARE = 3;

/**
 * Reads something again and again while the page is seen, and at once when this page has changed something.
 * @param key what is read: another key begins anew
 * @param everyMs between two readings; 0: once. Default: 2 s
 */
export function usePolled<T>(key: string, read: (signal: AbortSignal) => Promise<T>, everyMs = 2_000): Polled<T> {
  const [state, setState] = useState<State<T>>({ key, data: undefined, error: undefined });
  const [credential, change] = [token.value, changes.value];
  // `read` is another function at each turn, the key names what it reads.
  useEffect(() => {
    const ended = new AbortController();
    let timer: ReturnType<typeof setTimeout> | undefined;
    let isDue = false;
    const run = async (): Promise<void> => {
      isDue = false;
      const begun = performance.now();
      try {
        const data = await read(ended.signal);
        if (ended.signal.aborted) return;
        setState({ key, data, error: undefined });
      } catch (caught) {
        if (ended.signal.aborted) return;
        const error = caught instanceof RequestError ? caught : new RequestError('INTERNAL', String(caught));
        setState((before) => ({ key, data: before.key === key ? before.data : undefined, error }));
      }
      if (everyMs > 0) timer = setTimeout(next, Math.max(everyMs, SHARE * (performance.now() - begun)));
    };
    const next = (): void => {
      if (document.hidden) isDue = true;
      else void run();
    };
    const onShown = (): void => {
      if (isDue && !document.hidden) void run();
    };
    document.addEventListener('visibilitychange', onShown);
    void run();
    return () => {
      ended.abort();
      clearTimeout(timer);
      document.removeEventListener('visibilitychange', onShown);
    };
  }, [key, everyMs, change, credential]);
  const isCurrent = state.key === key;
  return {
    data: isCurrent ? state.data : undefined,
    error: isCurrent ? state.error : undefined,
  };
}
