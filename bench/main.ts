import { runBench } from './bench.ts';
import { runCheck } from './check/check.ts';
import { log } from './log.ts';
import { parseOptions, USAGE } from './options.ts';

// `npm run bench`. Progress goes to stderr, tables to stdout. Exit code 1: a run failed, or the check did; 2: usage.

// The exit hooks end what was started.
for (const signal of ['SIGINT', 'SIGTERM'] as const) process.once(signal, () => process.exit(1));

try {
  const options = parseOptions(process.argv.slice(2));
  if (!options) console.log(USAGE);
  else if (!(await (options.check ? runCheck(options.check) : runBench(options)))) process.exitCode = 1;
} catch (error) {
  log(error instanceof Error ? error.message : String(error));
  process.exitCode = 2;
}
