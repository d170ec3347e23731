const closers: (() => unknown)[] = [];

/** Call it in a `describe`: `afterEach(closeScene)`. Closes whatever the test has opened, the newest first. */
export async function closeScene(): Promise<void> {
  for (const close of closers.splice(0).reverse()) await close();
}

/** Runs `close` after the test. */
export function atEnd(close: () => unknown): void {
  closers.push(close);
}

/** Closes `thing` after the test. */
export function use<T extends { close(): unknown }>(thing: T): T {
  atEnd(() => thing.close());
  return thing;
}

/** Stops a worker after the test, however it fares. */
export function useWorker<T extends { stop(options: { deadlineMs: number }): Promise<void> }>(worker: T): T {
  atEnd(() => worker.stop({ deadlineMs: 200 }).catch(() => {}));
  return worker;
}
