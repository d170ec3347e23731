// Loaded into a server (`node --expose-gc --import …/gauge.ts`): at SIGUSR2 it tells on stderr how long its event loop
// was busy at most with one turn since the last time, collects its garbage and tells what it takes, and what keeps it alive.

const TICK_MS = 5;

/** CPU time and not the clock's: on a busy machine a process stands still through no fault of its own. */
function readCpuMs(): number {
  const { user, system } = process.threadCpuUsage?.() ?? process.cpuUsage();
  return (user + system) / 1_000;
}

let longestMs = 0;
let lastMs = readCpuMs();

setInterval(() => {
  const now = readCpuMs();
  longestMs = Math.max(longestMs, now - lastMs);
  lastMs = now;
}, TICK_MS).unref();

process.on('SIGUSR2', () => {
  const pauseMs = longestMs;
  globalThis.gc?.();
  const { rss, heapUsed, external } = process.memoryUsage();
  // A collection is no pause of the server's own.
  lastMs = readCpuMs();
  longestMs = 0;
  const resources: Record<string, number> = {};
  for (const kind of process.getActiveResourcesInfo()) resources[kind] = (resources[kind] ?? 0) + 1;
  process.stderr.write(`gauge ${JSON.stringify({ rss, heap: heapUsed + external, pauseMs, resources })}\n`);
});
