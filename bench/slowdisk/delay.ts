import { writeFileSync } from 'node:fs';
import { monitorEventLoopDelay } from 'node:perf_hooks';

// A preload (`node --import`): on SIGUSR2 the process writes how late its event loop was since the last time, in
// milliseconds, into the file BENCH_DELAY_FILE.

const RESOLUTION_MS = 1;
const file = process.env.BENCH_DELAY_FILE ?? '';
const histogram = monitorEventLoopDelay({ resolution: RESOLUTION_MS });
histogram.enable();

process.on('SIGUSR2', () => {
  const toMs = (nanoseconds: number): number => Math.max(0, nanoseconds / 1e6 - RESOLUTION_MS);
  const delay = { p50: toMs(histogram.percentile(50)), p99: toMs(histogram.percentile(99)), max: toMs(histogram.max) };
  histogram.reset();
  writeFileSync(file, JSON.stringify(delay));
});
