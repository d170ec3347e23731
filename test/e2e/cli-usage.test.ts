import assert from 'node:assert/strict';
import { execFileSync, spawnSync } from 'node:child_process';
import { readFileSync } from 'node:fs';
import type { Command } from 'commander';
import { describe, it } from 'mocha';
import { createContext } from '../../cli/context.ts';
import { createOutput } from '../../cli/output.ts';
import { createProgram } from '../../cli/program.ts';
import { runHere } from '../scene/command.ts';
import { CONTACT, cleanUpProcesses, runContact, startContact } from '../scene/process.ts';

const commandsByPath = await listCommands();

describe('contact', function () {
  this.timeout(120_000);
  cleanUpProcesses();

  it('has a help text with an example and the exit codes for every command', async () => {
    const commands: Readonly<Record<string, readonly string[]>> = {
      '': [
        '',
        'serve',
        'work',
        'expose',
        'enqueue',
        'results',
        'failures',
        'acts',
        'tasks',
        'queues',
        'clients',
        'backup',
        'restore',
        'join',
        'token',
        'whoami',
        'config',
        'top',
        'health',
        'doctor',
        'bench',
      ],
      tasks: ['list', 'show', 'watch', 'cancel', 'retry', 'delete'],
      queues: ['list', 'limit', 'limits', 'pause', 'resume', 'retain', 'purge'],
      clients: ['list', 'drain', 'resume', 'disconnect', 'forget'],
      join: ['create'],
      token: ['create', 'list', 'revoke', 'rotate'],
      config: ['set-profile', 'delete-profile', 'use', 'list', 'show'],
    };
    const all = Object.entries(commands).flatMap(([group, names]) => names.map((name) => `${group} ${name}`.trim()));
    for (const command of all) {
      const { code, stdout, stderr } = await runHere([...command.split(' ').filter(Boolean), '--help']);
      assert.equal(code, 0, command);
      assert.match(stdout, /Examples?:\n {2}.*contact /, command);
      assert.match(stdout, /Exit codes:\n/, command);
      assert.equal(stderr, '');
    }
  });

  it('answers 2 to wrong usage, says what is wrong on stderr and nothing on stdout', async () => {
    const cases: [string[], RegExp][] = [
      [[], /Usage: contact/],
      [['frobnicate'], /unknown command 'frobnicate'/],
      [['enqueue'], /missing required argument 'queue'/],
      [['enqueue', 'q'], /missing PAYLOAD/],
      [['enqueue', 'q', 'x', '--lines'], /leave PAYLOAD out/],
      [['enqueue', 'q', 'x', '--known'], /--known goes with --broadcast/],
      [['enqueue', 'q', 'x', '--delay', '10'], /Expected a duration such as/],
      [['enqueue', 'q', 'x', '--delay', '1s', '--at', '2027-01-01T00:00:00Z'], /cannot be used with/],
      [['enqueue', 'q', 'x', '--client', 'a', '--selector', 'b'], /cannot be used with/],
      [['enqueue', 'q', 'x', '--priority', '99999'], /Expected a whole number from -32768 to 32767/],
      [['enqueue', 'q', '--lines', '--key', 'k'], /--key would make one task/],
      [['work', 'q'], /missing command/],
      [['work', 'q', '--'], /missing command/],
      [['work', '--', 'cat'], /missing QUEUE/],
      [['work', 'q', '--label', 'x', '--', 'cat'], /Expected KEY=VALUE/],
      [['work', 'q', '--label', 'a b=c', '--', 'cat'], /Expected a key of .*, got "a b"/],
      [['expose', '--to', 'a:1', '--label', 'a=b c'], /Expected nothing, or .*, under "a", got "b c"/],
      [['results', '--server', 'localhost'], /Expected HOST:PORT/],
      [['results', '--server', 'unix:'], /Expected unix:PATH/],
      [['serve', '--listen', `unix:/${'x'.repeat(107)}`], /unix:PATH, PATH of at most 107 bytes/],
      [['results', '--tls-cert', 'a.pem'], /--tls-cert and --tls-key go together/],
      [['results', '--tls-ca', '/no/such/file'], /--tls-ca: ENOENT/],
      [['results', '--state', 'ready'], /Expected one of succeeded/],
      [['enqueue', 'q', '--lines', '--broadcast', '--wait'], /--wait waits for one broadcast/],
      [['enqueue', 'q', 'x', '--wait-timeout', '1s'], /--wait-timeout goes with --wait/],
      [['enqueue', 'q', 'x', '--cancel'], /--cancel goes with --wait/],
      [['tasks'], /Usage: contact tasks/],
      [['tasks', 'cancel'], /missing ID, or a condition such as --queue/],
      [['tasks', 'cancel', '019a9f3e-5c1e-7d55-b2b3-7a1f1c6a6a01', '--queue', 'q'], /not both/],
      [['tasks', 'cancel', '--state', 'failed'], /Expected one of scheduled, ready, running/],
      [['tasks', 'retry', '--state', 'ready'], /Expected one of failed/],
      [['tasks', 'retry', '--after', 'yesterday'], /Expected a time with its offset/],
      [['tasks', 'delete', '--state', 'ready'], /Expected one of succeeded, failed, cancelled, expired/],
      [['queues', 'retain', 'q'], /say one of: limits/],
      [['restore', 'b.db'], /required option '--store <url>'/],
      [['backup'], /missing required argument 'file'/],
      [['tasks', 'delete'], /missing ID, or a condition such as --queue/],
      [['queues', 'pause'], /missing required argument 'queue'/],
      [['clients', 'drain'], /missing required argument 'id'/],
      [['top', '--refresh', '0s'], /Expected more than 0ms/],
      [['enqueue', 'bad name', 'x'], /argument 'queue'\. Expected .* got "bad name" with " "/],
      [['enqueue', 'q', 'x', '--client', 'a*'], /'--client <id>' .* got "a\*" with "\*"/],
      [['work', 'q', 'q*', '--', 'cat'], /QUEUE: expected .* got "q\*" with "\*"/],
      [['work', 'q', '--id', 'a b', '--', 'cat'], /'--id <id>' .* got "a b" with " "/],
      [['results', 'q', 'q*'], /argument 'queue'\. .* got "q\*" with "\*"/],
      [['results', '--from', 'banana'], /Expected beginning, oldest, now, or the cursor of a line/],
      [['queues', 'purge', ''], /argument 'queue'\. .* got ""/],
      [['clients', 'drain', 'a b'], /argument 'id'\. .* got "a b" with " "/],
      [['tasks', 'show', 'abc'], /argument 'id'\. Expected the id of a task/],
      [['tasks', 'delete', 'abc'], /argument 'id'\. Expected the id of a task/],
      [['tasks', 'list', '--queue', 'q*'], /'--queue <queue>' .* got "q\*" with "\*"/],
      [['tasks', 'list', '--parent', 'abc'], /'--parent <id>' .* Expected the id of a task/],
      [['help', 'nosuch'], /^error: unknown command 'nosuch'/],
      [['help', 'tasks', 'nosuch'], /^error: unknown command 'nosuch'/],
      [['serve', '--node', ''], /'--node <name>' argument '' is invalid\. Expected \[A-Za-z/],
      [['serve', '--config', '/no/such.yaml'], /^contact: \/no\/such\.yaml: ENOENT/],
      [['bench', '--payload', '1'], /Expected a whole number from 16/],
    ];
    for (const [args, message] of cases) {
      const { code, stdout, stderr } = await runHere(args);
      assert.match(stderr, message);
      assert.equal(code, 2, args.join(' '));
      assert.equal(stdout, '');
    }
  });

  for (const [path, command] of Object.entries(commandsByPath)) {
    it(`answers 2 to every wrong usage of ${path}`, async () => {
      const given = command.registeredArguments.filter(({ required }) => required).map(() => 'x');
      const words = path.split(' ').slice(1);
      const mistakes = [
        [...words, ...given, '--no-such-flag'],
        ...given.map((_, count) => [...words, ...given.slice(0, count)]),
        ...(command.registeredArguments.some(({ variadic }) => variadic)
          ? []
          : [[...words, ...command.registeredArguments.map(() => 'x'), 'more']]),
        ...command.options.flatMap(({ long, required, parseArg, argChoices }) => [
          ...(required ? [[...words, ...given, long!]] : []),
          ...((parseArg && !isFree(long!)) || argChoices ? [[...words, ...given, long!, '-1x']] : []),
        ]),
      ];
      for (const args of mistakes) {
        const { code, stdout, stderr } = await runHere(args);
        assert.deepEqual([code, stdout], [2, ''], `${args.join(' ')}: ${stderr}`);
        assert.match(stderr, /^error: /, args.join(' '));
      }
    });
  }

  it('answers 2 to what makes no sense further in', async () => {
    for (const [args, message] of [
      [['serve', '--store', 'floppy:a', '--listen', '127.0.0.1:0'], /^contact: store/],
    ] as const) {
      const { code, stdout, stderr } = await runContact(args);
      assert.match(stderr, message);
      assert.deepEqual([code, stdout], [2, ''], args.join(' '));
    }
  });

  it('answers 3 when the server cannot be reached in time', async () => {
    const target = ['--server', '127.0.0.1:1', '--connect-timeout', '200ms'];
    const { code, stderr } = await runHere(['tasks', 'list', ...target]);
    assert.equal(code, 3);
    assert.match(stderr, /could not reach 127\.0\.0\.1:1 within 0\.2 s/);
  });

  it('shows no control characters of what it was given', async () => {
    const { code, stderr } = await runHere(['enqueue', 'q', '--delay', '\u001b[2J', 'x']);
    assert.equal(code, 2);
    assert.match(stderr, /\\x1b\[2J/);
    assert.equal(stderr.includes('\u001b'), false);
  });

  it('tells its version and ends with the exit code of its command', async () => {
    const { version } = JSON.parse(readFileSync(new URL('../../package.json', import.meta.url), 'utf8'));
    const [told, wrong] = await Promise.all([runContact(['--version']), runContact(['frobnicate'])]);
    assert.deepEqual([told.code, told.stdout, told.stderr], [0, `${version}\n`, '']);
    assert.equal(wrong.code, 2);
  });

  it('ends quietly when nobody reads its output', async () => {
    const help = startContact(['--help']);
    help.child.stdout?.destroy();
    const { code, stderr } = await help.ended;
    assert.deepEqual([code, stderr], [0, '']);
  });

  it('says on an older Node which one it needs', function () {
    const old = findOldNode();
    if (old === undefined) return this.skip();
    const { status, stdout, stderr } = spawnSync(old, [CONTACT, '--help'], { encoding: 'utf8' });
    assert.deepEqual([status, stdout], [1, '']);
    assert.match(stderr, /^contact needs Node\.js 22\.18 or newer; this is \d+\.\d+\.\d+\n$/);
  });
});

/** By its words; groups of commands are left out, which take no options. */
async function listCommands(): Promise<Record<string, Command>> {
  const context = createContext({ out: createOutput(process.stdout), err: process.stderr, rest: undefined });
  const walk = (path: string, command: Command): [string, Command][] =>
    command.commands.length === 0
      ? [[path, command]]
      : command.commands.flatMap((one) => walk(`${path} ${one.name()}`, one));
  return Object.fromEntries(walk('contact', await createProgram(context)));
}

/** Takes any words. */
const isFree = (long: string): boolean =>
  ['--queue', '--id', '--client', '--node', '--name', '--call', '--serve', '--error', '--by'].includes(long);

/** The system's Node, if it is older than what we need. */
function findOldNode(): string | undefined {
  for (const path of ['/usr/bin/node', '/usr/local/bin/node']) {
    try {
      const major = Number(execFileSync(path, ['-p', 'process.versions.node'], { encoding: 'utf8' }).split('.')[0]);
      if (major < 22) return path;
    } catch {
      // Not there.
    }
  }
  return undefined;
}
