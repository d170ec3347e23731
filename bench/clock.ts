/** Monotonic milliseconds that every process of this machine reads alike (CLOCK_MONOTONIC). */
export function nowMs(): number {
  const [seconds, nanoseconds] = process.hrtime();
  return seconds * 1_000 + nanoseconds / 1e6;
}

/** Waits; only between polls and before a load begins, never in place of a condition. */
export function pauseMs(ms: number): Promise<void> {
  return new Promise((resolve) => setTimeout(resolve, ms));
}

/** Polls until `read` answers something. Throws after `deadlineMs`, naming what was waited for. */
export async function until<T>(
  what: string,
  deadlineMs: number,
  read: () => Promise<T | undefined> | T | undefined,
): Promise<T> {
  const deadline = nowMs() + deadlineMs;
  for (;;) {
    const found = await read();
    if (found !== undefined) return found;
    if (nowMs() > deadline) throw new Error(`${what}: not within ${deadlineMs} ms`);
    await pauseMs(5);
  }
}
