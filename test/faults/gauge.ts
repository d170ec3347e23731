// Loaded into a server (`node --expose-gc --import …/gauge.ts`): at SIGUSR2 it collects its garbage and tells on stderr
// what it takes.

process.on('SIGUSR2', () => {
  globalThis.gc?.();
  const { rss, heapUsed, external } = process.memoryUsage();
  process.stderr.write(`gauge ${JSON.stringify({ rss, heap: heapUsed + external })}\n`);
});
