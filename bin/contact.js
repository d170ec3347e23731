#!/usr/bin/env -S node --max-semi-space-size=16 --initial-old-space-size=96 --v8-pool-size=1 --no-allocation-site-pretenuring
import { existsSync } from 'node:fs';
import module from 'node:module';
import { homedir } from 'node:os';
import { isAbsolute, join } from 'node:path';
import { isatty } from 'node:tty';
import { setFlagsFromString } from 'node:v8';

// The first line (docs/performance.md), which kernels before 5.1 read up to 127 bytes of: a flood of tasks would make V8
// keep 128 MiB for young objects for good, which buys no speed; it would collect everything while there is little; its
// four threads that collect and compile would take the cores from the one that serves; and a backlog would teach it that
// tasks live long, whereupon it keeps all of them until a full collection.

const [major, minor] = process.versions.node.split('.').map(Number);

if (major < 22 || (major === 22 && minor < 18)) {
  console.error(`contact needs Node.js 22.18 or newer; this is ${process.versions.node}`);
  process.exitCode = 1;
} else {
  // Of what grows: everything is collected once there is three times what lived, not anew for every 8 MB of it.
  setFlagsFromString('--heap-growing-percent=200');
  // Payloads count there, and not apart: V8 would collect everything for every 20 to 60 MB of them that pass through.
  if (major >= 24) setFlagsFromString('--external-memory-accounted-in-global-limit');
  // Half the time of a short command goes into reading its modules anew. The cache is in the user's own folder: what lies
  // in one for temporary files, which is the default, may be somebody else's. A server starts seldom and does without.
  if (process.argv[2] !== 'serve') {
    try {
      const { XDG_CACHE_HOME: folder = '' } = process.env;
      module.enableCompileCache(join(isAbsolute(folder) ? folder : join(homedir(), '.cache'), 'contact'));
    } catch {
      // A user without a home reads them anew.
    }
  }
  // A server that is asked to end before its command listens by itself has nothing to finish.
  if (process.argv[2] === 'serve') {
    for (const signal of ['SIGTERM', 'SIGINT', 'SIGQUIT']) {
      process.on(signal, () => process.listenerCount(signal) > 1 || process.exit(0));
    }
    // A hang-up is a wish for the configuration, which is yet to be read, unless the terminal is gone.
    const terminal = [0, 1, 2].find((fd) => isatty(fd));
    process.on('SIGHUP', () => {
      if (terminal !== undefined && !isatty(terminal) && process.listenerCount('SIGHUP') === 1) process.exit(0);
    });
  }
  // A checkout runs its sources as they are, a published build has them compiled.
  const source = new URL('../cli/main.ts', import.meta.url);
  await import(existsSync(source) ? source : new URL('../cli/main.js', import.meta.url));
}
