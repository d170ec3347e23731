import type { Clock } from './clock.ts';
import type { Logger } from './logger.ts';

export interface PacedLogOptions {
  readonly logger: Logger;
  readonly clock: Pick<Clock, 'monotonic' | 'after'>;
  /** Lines that are written in the long run. */
  readonly linesPerSecond: number;
  /** Lines that are written at once after a silence. */
  readonly burst: number;
}

export interface PacedLog extends Logger {
  /** Tells at once what was left out. */
  close(): void;
}

/** Between two lines about lines that were left out. */
const SUMMARY_MS = 1_000;

/**
 * A log that whoever makes the events cannot fill. What is beyond its pace is counted by its message, which is a constant of
 * ours, and told in one line a second.
 */
export function createPacedLog({ logger, clock, linesPerSecond, burst }: PacedLogOptions): PacedLog {
  let tokens = burst;
  let filledAt = clock.monotonic();
  let left = new Map<string, number>();
  let stop: (() => void) | undefined;

  function takeToken(): boolean {
    const now = clock.monotonic();
    tokens = Math.min(burst, tokens + ((now - filledAt) / 1_000) * linesPerSecond);
    filledAt = now;
    if (tokens < 1) return false;
    tokens -= 1;
    return true;
  }

  function summarize(): void {
    stop?.();
    stop = undefined;
    if (left.size > 0) logger.warn({ unlogged: Object.fromEntries(left) }, 'lines were left out: there are too many');
    left = new Map();
  }

  const pace =
    (level: keyof Logger) =>
    (fields: object, message: string): void => {
      if (takeToken()) {
        logger[level](fields, message);
        return;
      }
      left.set(message, (left.get(message) ?? 0) + 1);
      stop ??= clock.after(SUMMARY_MS, summarize);
    };

  return { info: pace('info'), warn: pace('warn'), error: pace('error'), close: summarize };
}
