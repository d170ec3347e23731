import type { Writable } from 'node:stream';
import type { Params, SingleBar } from 'cli-progress';
import type { CommandContext } from './context.ts';
import { onStopSignal, type StopSignal } from './signals.ts';

/** What takes a person no longer to wait for shows nothing. */
const SHOWN_AFTER_MS = 1_000;

/** Part of an act on many tasks. */
export interface Step {
  /** Tasks that it was done to. */
  readonly count: number;
  /** Nothing is left to do. */
  readonly isLast: boolean;
}

export interface Stepped {
  /** Tasks that it was done to, in all steps. */
  readonly count: number;
  /** What somebody ended it with before it was done. */
  readonly signal?: StopSignal;
}

export interface StepsOptions {
  /** How many tasks it will be; undefined: nobody knows. */
  readonly total: number | undefined;
  /** Default: 1 s. */
  readonly shownAfterMs?: number;
}

/**
 * Does something to many tasks, one step after the other. What goes on for longer than a second is shown on stderr, if that is a
 * terminal. Ctrl-C ends it after the step that is under way; a second one ends the process.
 */
export async function runSteps(
  step: () => Promise<Step>,
  context: Pick<CommandContext, 'screen'>,
  { total, shownAfterMs = SHOWN_AFTER_MS }: StepsOptions,
): Promise<Stepped> {
  const startedAt = performance.now();
  let stoppedBy: StopSignal | undefined;
  const stopListening = onStopSignal((_count, signal) => {
    stoppedBy = signal;
    stopListening();
  });
  let count = 0;
  let bar: SingleBar | undefined;
  try {
    for (;;) {
      const { count: more, isLast } = await step();
      count += more;
      if (isLast) return { count };
      if (stoppedBy) return { count, signal: stoppedBy };
      if (!context.screen || performance.now() - startedAt < shownAfterMs) continue;
      bar ??= await startBar(context.screen, total, startedAt);
      bar.update(count);
    }
  } finally {
    bar?.stop();
    stopListening();
  }
}

async function startBar(stream: Writable, total: number | undefined, startedAt: number): Promise<SingleBar> {
  const { default: progress } = await import('cli-progress');
  const bar = new progress.SingleBar({
    stream,
    fps: 10,
    hideCursor: true,
    // What came of it is told in its place.
    clearOnComplete: true,
    gracefulExit: false,
    format: (options, { value, progress: part }: Params) => {
      const seconds = Math.round((performance.now() - startedAt) / 1_000);
      const done = value.toLocaleString('en');
      if (total === undefined) return `${done} tasks | ${seconds} s`;
      // More may have come since they were counted.
      const shown = Math.min(1, part);
      const all = Math.max(total, value).toLocaleString('en');
      return `${progress.Format.BarFormat(shown, options)} ${Math.floor(100 * shown)}% | ${done} of ${all} tasks | ${seconds} s`;
    },
  });
  bar.start(Math.max(1, total ?? 1), 0);
  return bar;
}
