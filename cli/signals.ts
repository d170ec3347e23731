const STOP_SIGNALS = ['SIGINT', 'SIGTERM'] as const;
const NUMBERS = { SIGINT: 2, SIGTERM: 15 } as const;

export type StopSignal = (typeof STOP_SIGNALS)[number];

/** Calls `react` for each SIGINT and SIGTERM with how many came so far; the answer takes the listeners away. */
export function onStopSignal(react: (count: number, signal: StopSignal) => void): () => void {
  let count = 0;
  const listeners = STOP_SIGNALS.map((signal) => {
    const listener = (): void => {
      count += 1;
      react(count, signal);
    };
    process.on(signal, listener);
    return () => process.off(signal, listener);
  });
  return () => {
    for (const remove of listeners) remove();
  };
}

/** What a shell reports for a process that this signal ended: 130 or 143. */
export function exitCodeOfSignal(signal: StopSignal): number {
  return 128 + NUMBERS[signal];
}
