import fs from 'node:fs';
import { syncBuiltinESMExports } from 'node:module';

// Loaded into a server (`node --import …/careless.ts`): it no longer waits for the disk. A fault for tests that must
// find it.

fs.fdatasync = ((_file: number, done: (error: null) => void) =>
  setImmediate(done, null)) as unknown as typeof fs.fdatasync;
syncBuiltinESMExports();
