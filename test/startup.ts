import { join } from 'node:path';

// Processes that tests start share what was compiled, which halves the time they need to come up.
process.env.NODE_COMPILE_CACHE ??= join(import.meta.dirname, '..', 'node_modules', '.cache', 'compile');
