import { readFileSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { PassThrough } from 'node:stream';
import type { Argument, Command, Option } from 'commander';
import { createContext } from '../cli/context.ts';
import { createOutput } from '../cli/output.ts';
import { createProgram } from '../cli/program.ts';
import { ROOT } from './tool.ts';

// Writes docs/cli.md from the commands as the parser knows them. With --check nothing is written: exit code 1 if stale.

const PAGE = `<!-- Made by scripts/clireference.ts from the commands themselves: run \`npm run generate\`. -->
# The command line

Every command but \`serve\` speaks to a running server: \`--server HOST:PORT\` says which. What a command answers is on stdout, all
else on stderr; \`--json\` makes both one JSON object a line ([json.md](json.md)). The exit code is 0 when it is done, 1 when the task or the server said
no, 2 when the command line is wrong, 3 when the server could not be reached in time.
`;

/** The whole text of the page. */
export async function renderCliPage(): Promise<string> {
  const sink = new PassThrough();
  const program = await createProgram(createContext({ out: createOutput(sink), err: sink, rest: undefined }));
  const commands = listCommands(program);
  return `${PAGE}${commands.map(renderCommand).join('')}${renderReaching(commands)}`;
}

/** Those that do something, each before the ones below it. */
function listCommands(command: Command): Command[] {
  const below = command
    .createHelp()
    .visibleCommands(command)
    .filter((one) => one.name() !== 'help');
  return below.flatMap((one) => [one, ...listCommands(one)]);
}

function renderCommand(command: Command): string {
  const name = nameOf(command);
  const help = command.createHelp();
  const groups = help.visibleCommands(command).filter((one) => one.name() !== 'help');
  const options = help.visibleOptions(command).filter((option) => option.long !== '--help' && !isOfServer(option));
  const isReaching = help.visibleOptions(command).some(isOfServer);
  const parts = [
    `\n${name.split(' ').length > 2 ? '###' : '##'} ${name}\n\n${capitalize(command.description())}.\n`,
    groups.length === 0 ? `\n    ${name} ${command.usage()}\n` : '',
    table('argument', command.registeredArguments.filter(({ description }) => description).map(describeArgument)),
    table('option', options.map(describeOption)),
    isReaching ? '\nAnd [how to reach the server](#how-to-reach-the-server).\n' : '',
    groups.length === 0 ? '' : `\nBelow it: ${groups.map((one) => `\`${nameOf(one)}\``).join(', ')}.\n`,
  ];
  return parts.join('');
}

/** The flags that every command has which speaks to a server; they are told once. */
function isOfServer(option: Option): boolean {
  return option.helpGroupHeading === 'Server:';
}

function renderReaching(commands: readonly Command[]): string {
  const options = commands.flatMap((one) => one.createHelp().visibleOptions(one)).filter(isOfServer);
  const lines = new Map(options.map((option) => [option.flags, describeOption(option)]));
  return `\n## How to reach the server\n${table('option', [...lines.values()])}`;
}

function nameOf(command: Command): string {
  return command.parent ? `${nameOf(command.parent)} ${command.name()}` : command.name();
}

function describeArgument(argument: Argument): readonly [string, string] {
  return [argument.required ? `<${argument.name()}>` : `[${argument.name()}]`, argument.description];
}

function describeOption(option: Option): readonly [string, string] {
  const hasDefault = option.defaultValue !== undefined && option.defaultValue !== false && !option.isBoolean();
  const fallback = option.defaultValueDescription ?? JSON.stringify(option.defaultValue);
  const choices = option.argChoices ? ` (${option.argChoices.join(', ')})` : '';
  return [
    option.flags,
    `${option.description}${choices}${hasDefault && fallback !== '[]' ? ` (default: ${fallback})` : ''}`,
  ];
}

function table(title: string, rows: readonly (readonly [string, string])[]): string {
  if (rows.length === 0) return '';
  const inCell = (text: string): string => text.replaceAll('|', '\\|').replaceAll('\n', ' ');
  const lines = rows.map(([name, text]) => `| \`${inCell(name)}\` | ${inCell(text).replaceAll('<', '&lt;')} |\n`);
  return `\n| ${title} | |\n|---|---|\n${lines.join('')}`;
}

function capitalize(text: string): string {
  return text.charAt(0).toUpperCase() + text.slice(1);
}

if (import.meta.main) {
  const path = join(ROOT, 'docs', 'cli.md');
  const text = await renderCliPage();
  if (!process.argv.includes('--check')) {
    writeFileSync(path, text);
  } else if (readFileSync(path, 'utf8') !== text) {
    console.error('docs/cli.md: differs from the commands in cli/\nrun: npm run generate');
    process.exitCode = 1;
  }
}
