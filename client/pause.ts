import type { Clock } from '../shared/clock.ts';

/** Keeps the process alive until the answer is called. */
export function holdProcess(): () => void {
  const timer = setInterval(() => {}, 2 ** 30);
  return () => clearInterval(timer);
}

/** Waits, keeping the process alive meanwhile. False: the signal ended the wait. */
export function pause(clock: Clock, ms: number, signal?: AbortSignal): Promise<boolean> {
  if (signal?.aborted) return Promise.resolve(false);
  if (ms <= 0) return Promise.resolve(true);
  return new Promise((resolve) => {
    const letGo = holdProcess();
    const settle = (isOver: boolean): void => {
      letGo();
      cancel();
      signal?.removeEventListener('abort', onAbort);
      resolve(isOver);
    };
    const onAbort = (): void => settle(false);
    const cancel = clock.after(ms, () => settle(true));
    signal?.addEventListener('abort', onAbort, { once: true });
  });
}
