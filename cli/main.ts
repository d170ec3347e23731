import { createOutput } from './output.ts';
import { runCommandLine } from './program.ts';

const out = createOutput(process.stdout);
// A stderr that takes nothing has nobody to complain to; the command goes on.
process.stderr.on('error', () => undefined);
const code = await runCommandLine(process.argv.slice(2), out, process.stderr);
// What a command leaves open (a terminal's stdin, a channel that is closing) does not hold the process.
process.exit(code);
