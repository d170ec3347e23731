import { join } from 'node:path';

// Processes that tests start share what was compiled, which halves the time they need to come up.
process.env.NODE_COMPILE_CACHE ??= join(import.meta.dirname, '..', 'node_modules', '.cache', 'compile');

// Node 22 calls node:sqlite experimental on stderr, where tests read what the command line says.
if (Number.parseInt(process.versions.node, 10) < 24) {
  process.env.NODE_OPTIONS = `${process.env.NODE_OPTIONS ?? ''} --disable-warning=ExperimentalWarning`.trim();
}
