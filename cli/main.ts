import { createOutput } from './output.ts';
import { runCommandLine } from './program.ts';

const out = createOutput(process.stdout);
const code = await runCommandLine(process.argv.slice(2), out, process.stderr);
await out.flush();
// What a command leaves open (a terminal's stdin, a channel that is closing) does not hold the process.
process.exit(code);
