#!/usr/bin/env -S node --max-semi-space-size=16 --heap-growing-percent=200 --v8-pool-size=1 --no-allocation-site-pretenuring
import { existsSync } from 'node:fs';

// The first line (docs/performance.md): a flood of tasks would make V8 keep 128 MiB for young objects for good, which
// buys no speed; it would collect everything anew for every 8 MB of payloads that pass through; its four threads that
// collect and compile would take the cores from the one that serves; and a backlog would teach it that tasks live long,
// whereupon it keeps all of them until a full collection.

const [major, minor] = process.versions.node.split('.').map(Number);

if (major < 22 || (major === 22 && minor < 18)) {
  console.error(`contact needs Node.js 22.18 or newer; this is ${process.versions.node}`);
  process.exitCode = 1;
} else {
  // A checkout runs its sources as they are, a published build has them compiled.
  const source = new URL('../cli/main.ts', import.meta.url);
  await import(existsSync(source) ? source : new URL('../cli/main.js', import.meta.url));
}
