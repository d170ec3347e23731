import { fstatSync } from 'node:fs';
import type { Params } from 'cli-progress';

/** What a bulk enqueue shows on stderr while it goes. */
export interface EnqueueProgress {
  update(storedCount: number, readBytes: number): void;
  stop(): void;
}

const SILENT: EnqueueProgress = { update: () => undefined, stop: () => undefined };

/** A bar when stdin is a file (its size is known), else a counter; nothing when nobody would see it undisturbed. */
export async function createEnqueueProgress(isJsonOrIdsOnTerminal: boolean): Promise<EnqueueProgress> {
  if (!process.stderr.isTTY || isJsonOrIdsOnTerminal) return SILENT;
  const { default: progress } = await import('cli-progress');
  const totalBytes = sizeOfInput();
  const startedAt = performance.now();
  let storedCount = 0;
  const bar = new progress.SingleBar({
    stream: process.stderr,
    fps: 10,
    hideCursor: true,
    clearOnComplete: false,
    // The command's own signal handling stays in charge.
    gracefulExit: false,
    format: (options, params: Params) => {
      const seconds = (performance.now() - startedAt) / 1000;
      const rate = Math.round(storedCount / Math.max(seconds, 0.001)).toLocaleString('en');
      const counts = `${storedCount.toLocaleString('en')} tasks stored | ${rate}/s | ${seconds.toFixed(0)} s`;
      if (totalBytes === 0) return counts;
      const percent = Math.floor(params.progress * 100);
      return `${progress.Format.BarFormat(params.progress, options)} ${String(percent).padStart(3)}% | ${counts}`;
    },
  });
  bar.start(totalBytes || 1, 0);
  return {
    update: (stored, readBytes) => {
      storedCount = stored;
      bar.update(Math.min(readBytes, totalBytes));
    },
    stop: () => bar.stop(),
  };
}

function sizeOfInput(): number {
  const stat = fstatSync(0);
  return stat.isFile() ? stat.size : 0;
}
