import assert from 'node:assert/strict';
import { readFileSync } from 'node:fs';
import { stripVTControlCharacters } from 'node:util';
import { after, before, describe, it } from 'mocha';
import { isExecutable } from '../../cli/command.ts';
import { createScene, type Scene } from '../scene/commandline.ts';
import { CONTACT, cleanUpProcesses, NODE_FLAGS, startProgram, type TestProcess } from '../scene/process.ts';
import { skipLoudly } from '../scene/skip.ts';
import { until } from '../scene/until.ts';

const ENTER = '\x1b[?1049h';
const LEAVE = '\x1b[?1049l';

describe('contact top', function () {
  this.timeout(120_000);
  let scene: Scene;

  before(async () => {
    scene = await createScene();
    await scene.work({ queues: ['q'], clientId: 'robot-1', labels: { site: 'berlin' }, handler: (payload) => payload });
    await scene.producer.enqueue('lonely', 'x');
  });
  after(() => scene.close());

  it('prints once where there is no terminal', async () => {
    const { code, stdout, stderr } = await scene.contact('top');
    assert.deepEqual([code, stderr], [0, '']);
    assert.match(stdout, /^contact \d+\.\d+\.\d+ {2}127\.0\.0\.1:\d+ /);
    assert.match(stdout, /^tasks: {3}1 waiting, oldest \ds$/m);
    assert.match(stdout, /^! lonely: 1 task waiting, but no client that is connected serves the queue$/m);
    assert.match(stdout, /^robot-1 +0 +1 +connected /m);
    assert.equal(stdout.includes('\x1b'), false);
  });

  it('gives everything as a JSON object', async () => {
    const { server, queues, clients } = JSON.parse((await scene.contact('top', '--json')).stdout);
    assert.equal(server.sessions, 1);
    assert.deepEqual([queues[0].queue, queues[0].unroutable], ['lonely', 1]);
    assert.equal(clients[0].client, 'robot-1');
  });

  it('shows what happens and gives the terminal back', async () => {
    const top = scene.onTerminal('top', '--refresh', '20ms');
    await top.waitFor(/robot-1/);
    assert.ok(top.text().startsWith(ENTER));
    assert.equal(top.isRaw(), true);
    const start = top.text().length;
    await scene.producer.call('q', 'x');
    await top.waitFor(/q +0 +0 +0 +0 +1 /, start);
    const before = top.text().length;
    top.resize(40, 6);
    await until(() => top.text().slice(before).includes('\x1b[J'));
    const frame = top.text().slice(before).split('\x1b[H')[1] ?? '';
    assert.equal(frame.split('\r\n').length, 6);
    top.type('q');
    assert.equal(await top.ended, 0);
    assert.ok(top.text().endsWith(LEAVE));
    assert.equal(top.isRaw(), false);
  });

  it('goes by keys: marks, filters, narrows, sorts, and writes no more than what has changed', async () => {
    const top = scene.onTerminal('top', '--refresh', '1h');
    await top.waitFor(/Esc back/);
    /** What is written for these keys. */
    const written = async (keys: string, pattern: RegExp): Promise<string> => {
      const start = top.text().length;
      top.type(keys);
      await top.waitFor(pattern, start);
      return top.text().slice(start);
    };
    await written('?', /Ctrl-Z/);
    await written('x', /robot-1/);
    const marked = await written('\x1b[B', /> lonely/);
    assert.ok(!marked.includes('robot-1') && !marked.includes('\x1b[J'), JSON.stringify(marked));
    await written('\r', /client \(0 of 1, of lonely\)/);
    await written('\x1b', /robot-1/);
    await written('/Q', /queue \(1 of 2, \/Q\)/);
    // A letter of the text ends nothing.
    await written('q', /queue \(0 of 2, \/Qq\)/);
    await written('\x7f\r', /Esc back/);
    await written('\tss', /running↓/);
    await written('r', /running↑/);
    top.type('q');
    assert.equal(await top.ended, 0);
  });

  it('clears nothing behind a line as wide as the screen', async () => {
    const top = scene.onTerminal('top', '--refresh', '1h');
    await top.waitFor(/Esc back/);
    // The cursor stays at the last column, so that its character would go.
    for (const columns of [40, 41]) {
      const start = top.text().length;
      top.resize(columns, 20);
      await until(() => top.text().slice(start).includes('\x1b[J'));
      const lines = top.text().slice(start).split('\r\n');
      const full = lines.filter((line) => stripVTControlCharacters(line).length === columns);
      assert.ok(full.length > 0);
      assert.ok(
        full.every((line) => !line.includes('\x1b[K')),
        JSON.stringify(full),
      );
    }
    top.type('q');
    assert.equal(await top.ended, 0);
  });

  it('sorts and filters what it prints once', async () => {
    const { stdout } = await scene.contact('top', '--once', '--sort', 'name', '--filter', 'ROBOT');
    assert.match(stdout, /^queue \(0 of 2, \/ROBOT\)↓ /m);
    assert.match(stdout, /^robot-1 /m);
    const { code, stderr } = await scene.contact('top', '--sort', 'nonsense');
    assert.equal(code, 2);
    assert.match(stderr, /Allowed choices are name, waiting, /);
  });

  it('ends with Ctrl-C', async () => {
    const top = scene.onTerminal('top');
    await top.waitFor(/robot-1/);
    top.type('\x1b[A');
    top.type('\x03');
    assert.equal(await top.ended, 0);
    assert.ok(top.text().endsWith(LEAVE));
  });

  it('says when the server does not answer any more', async () => {
    const other = await createScene();
    const top = other.onTerminal('top', '--refresh', '20ms');
    await top.waitFor(/clients: none/);
    await other.close();
    await top.waitFor(/no answer for \d+ s, this is old/);
    top.type('q');
    assert.equal(await top.ended, 0);
  });
});

describe('contact top on a terminal of its own', function () {
  this.timeout(120_000);
  let scene: Scene;
  const command = (): string =>
    [process.execPath, ...NODE_FLAGS, CONTACT, 'top', '--refresh', '50ms', '--server', scene.address].join(' ');
  /** `script` has a terminal for what it runs. */
  const run = (line: string): TestProcess => startProgram('script', ['-qfec', line, '/dev/null'], { stdin: 'open' });

  before(async function () {
    if (!isExecutable('script')) skipLoudly(this, 'needs script (util-linux)');
    scene = await createScene();
  });
  after(() => scene?.close());
  cleanUpProcesses();

  it('gives it to the shell on Ctrl-Z, and has it again afterwards', async () => {
    const shell = run('bash --norc --noprofile --noediting -i');
    let start = 0;
    const type = async (keys: string, seen: string): Promise<void> => {
      start = shell.stdout.length;
      shell.child.stdin!.write(keys);
      await until(() => shell.stdout.slice(start).includes(seen));
    };
    await type(`${command()}\n`, 'Esc back');
    await type('\x1a', 'Stopped');
    assert.ok(shell.stdout.slice(start).includes(LEAVE));
    await type('fg\n', 'Esc back');
    assert.ok(shell.stdout.slice(start).includes(ENTER));
    await type('q', LEAVE);
    await type('echo "ended $?"\n', 'ended 0');
    shell.child.stdin!.write('exit\n');
    await shell.ended;
  });

  it('goes on after Ctrl-Z where there is no shell to wake it', async () => {
    const top = run(`exec ${command()}`);
    await top.waitFor(/Esc back/);
    top.child.stdin!.write('\x1a');
    await top.waitFor(/Esc back[\s\S]*1049l[\s\S]*1049h[\s\S]*Esc back/);
    top.child.stdin!.write('q');
    assert.equal((await top.ended).code, 0);
    assert.ok(top.stdout.endsWith(LEAVE));
  });

  for (const signal of ['SIGTERM', 'SIGHUP', 'SIGUSR2'] as const) {
    it(`gives it back when it is ended by ${signal}`, async () => {
      const top = run(`exec ${command()}`);
      await top.waitFor(/Esc back/);
      process.kill(await childOf(top.pid), signal);
      await top.ended;
      assert.ok(top.stdout.endsWith(LEAVE), JSON.stringify(top.stdout.slice(-60)));
    });
  }
});

/** The one process that another has started. */
async function childOf(pid: number): Promise<number> {
  const read = (): string => readFileSync(`/proc/${pid}/task/${pid}/children`, 'utf8').trim();
  await until(() => read() !== '');
  return Number(read());
}
