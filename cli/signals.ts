import { constants } from 'node:os';

/** The signals with which a terminal, a shell and a service manager end a command. */
const STOP_SIGNALS = ['SIGINT', 'SIGTERM', 'SIGHUP', 'SIGQUIT'] as const;
/**
 * The signals that end a process at once unless somebody listens. Not SIGUSR1, which opens Node's debugger; nor what a
 * crash raises, except SIGABRT, which watchdogs send too, and after which a process that aborts by itself is not saved.
 */
const DEADLY_SIGNALS = [
  'SIGABRT',
  'SIGUSR2',
  'SIGALRM',
  'SIGVTALRM',
  'SIGXCPU',
  'SIGIO',
  'SIGPWR',
  'SIGSTKFLT',
] as const;

export type StopSignal = (typeof STOP_SIGNALS)[number];

/**
 * Calls `react` for each signal that asks for the end with how many came so far; the answer takes the listeners away.
 */
export function onStopSignal(
  react: (count: number, signal: StopSignal) => void,
  signals: readonly StopSignal[] = STOP_SIGNALS,
): () => void {
  let count = 0;
  return listen(signals, (signal) => {
    count += 1;
    react(count, signal);
  });
}

/**
 * Lets every other signal that would end this process at once end it by `process.exit()`, so that what is done at its
 * end is done. SIGKILL cannot be heard, nor can a crash. The answer takes the listeners away.
 */
export function exitOnDeadlySignals(): () => void {
  const known = DEADLY_SIGNALS.filter((signal) => signal in constants.signals);
  return listen(known, (signal) => process.exit(exitCodeOfSignal(signal)));
}

function listen<Name extends NodeJS.Signals>(signals: readonly Name[], react: (signal: Name) => void): () => void {
  const listeners = signals.map((signal) => {
    const listener = (): void => react(signal);
    process.on(signal, listener);
    return () => process.off(signal, listener);
  });
  return () => {
    for (const remove of listeners) remove();
  };
}

/** The exit code that a shell reports for a process which this signal ended: 130 for SIGINT, 143 for SIGTERM. */
export function exitCodeOfSignal(signal: NodeJS.Signals): number {
  return 128 + constants.signals[signal];
}
