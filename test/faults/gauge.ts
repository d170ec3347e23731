import { monitorEventLoopDelay } from 'node:perf_hooks';

// Loaded into a server (`node --expose-gc --import …/gauge.ts`): at SIGUSR2 it tells on stderr how long its event loop
// stood still at most since the last time, collects its garbage and tells what it takes.

const delay = monitorEventLoopDelay({ resolution: 5 });
delay.enable();

process.on('SIGUSR2', () => {
  const pauseMs = delay.max / 1e6;
  globalThis.gc?.();
  const { rss, heapUsed, external } = process.memoryUsage();
  // Once the collection was noticed, which is no pause of the server's own.
  setTimeout(() => {
    delay.reset();
    process.stderr.write(`gauge ${JSON.stringify({ rss, heap: heapUsed + external, pauseMs })}\n`);
  }, 20);
});
