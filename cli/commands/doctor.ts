import { styleText } from 'node:util';
import { type Command, Option } from 'commander';
import { type Json, someText } from '../../json/plain.ts';
import type { CommandContext } from '../context.ts';
import { examine } from '../doctor/examine.ts';
import type { Facts } from '../doctor/facts.ts';
import type { Finding } from '../doctor/finding.ts';
import { lookAtServer } from '../doctor/look.ts';
import { lookAtFile, lookAtStore, readStorePath } from '../doctor/storefile.ts';
import { parsePositiveDuration } from '../duration.ts';
import { escapeLine } from '../escape.ts';
import { EXIT, usageError } from '../exit.ts';
import { readConnection } from '../reach.ts';
import { addTargetOptions, type TargetOptions } from '../target.ts';

interface DoctorOptions extends TargetOptions {
  readonly store?: string;
  readonly integrity?: boolean;
  /** Milliseconds. */
  readonly timeout: number;
}

const MARKS = { ok: 'ok', note: 'note', wrong: 'WRONG' } as const;
const STYLES = { ok: 'green', note: 'yellow', wrong: 'red' } as const;

export function fillDoctorCommand(command: Command, context: CommandContext): void {
  command
    .option('--store <file>', 'look at the file of a store too, sqlite:PATH or PATH; without --server at that alone')
    .option('--integrity', 'read all of that file and check it, which takes a while for a large one')
    .addOption(
      new Option('--timeout <duration>', 'how long one answer of the server may take')
        .default(5_000, '5s')
        .argParser(parsePositiveDuration),
    )
    .option('--json', 'one JSON object a line: check, level (ok, note, wrong), message, advice')
    .action((options: DoctorOptions) => runDoctor(options, command, context))
    .addHelpText(
      'after',
      `
Looks at what goes wrong with servers: whether it answers and takes tasks, versions, clocks, authentication, certificate,
disk, log, limits near their end, queues that nobody serves, that wait long or are paused, drained clients, and files that
others may read. Says what is wrong and what to do; what is only to be known is a "note". It changes nothing, and the
server is asked for nothing that takes it long. Exit code 1: something is wrong; 3: the server cannot be reached.

Example:
  contact doctor --store sqlite:contact.db`,
    );
  addTargetOptions(command);
}

async function runDoctor(options: DoctorOptions, command: Command, context: CommandContext): Promise<void> {
  const { store, integrity = false, timeout, tokenFile, tlsKey, tlsCa, tlsCert } = options;
  if (integrity && store === undefined) throw usageError('--integrity goes with --store');
  const wantsServer = store === undefined || command.getOptionValueSource('server') !== 'default';
  const connection = wantsServer ? readConnection(options, () => undefined) : undefined;
  const { ca, cert } = connection?.tls ?? {};
  const facts: Facts = {
    ...(connection ? { server: await lookAtServer(connection, timeout) } : {}),
    certificates: {
      ca: ca && { path: `${tlsCa}`, bytes: ca },
      cert: cert && { path: `${tlsCert}`, bytes: cert },
      now: Date.now(),
    },
    ...(store === undefined ? {} : { store: lookAtStore(readStorePath(store), integrity) }),
    files: [tokenFile, tlsKey].flatMap((path) => (path === undefined ? [] : [lookAtFile(path, true)])),
  };
  const findings = examine(facts);
  for (const finding of findings) {
    await (options.json
      ? context.out.writeJson(findingToJson(finding))
      : context.out.write(render(finding, context.out.isTerminal)));
  }
  if (facts.server?.outOfReach !== undefined) context.exitCode = EXIT.unreachable;
  else if (findings.some(({ level }) => level === 'wrong')) context.exitCode = EXIT.refused;
}

function findingToJson({ check, level, what, advice }: Finding): Json {
  return { check, level, message: what, advice: someText(advice) };
}

/** A line, and what to do below it. */
function render({ check, level, what, advice }: Finding, isColoured: boolean): string {
  const mark = MARKS[level].padEnd(5);
  const coloured = isColoured ? styleText(STYLES[level], mark) : mark;
  const line = `${coloured}  ${check.padEnd(14)}  ${escapeLine(what)}\n`;
  return advice === '' ? line : `${line}${' '.repeat(23)}${escapeLine(advice)}\n`;
}
