import assert from 'node:assert/strict';
import { spawnSync } from 'node:child_process';
import { existsSync, symlinkSync } from 'node:fs';
import { delimiter, dirname, join } from 'node:path';
import { runHere } from '../scene/command.ts';
import { createScene, type Scene } from '../scene/commandline.ts';
import { createFolder } from '../scene/folder.ts';
import { CONTACT, cleanUpProcesses, type Ended, startProgram } from '../scene/process.ts';
import { skipLoudly } from '../scene/skip.ts';

describe('contact completion', function () {
  this.slow(3_000);
  let scene: Scene;
  let folder: string;
  let env: Record<string, string>;

  before(async () => {
    scene = await createScene();
    for (const queue of ['sums', 'lines']) await scene.producer.enqueue(queue, '');
    await scene.work({ queues: ['sums'], clientId: 'robot-7', handler: (text) => text });
    folder = createFolder();
    symlinkSync(CONTACT, join(folder, 'contact'));
    const path = [folder, dirname(process.execPath), process.env.PATH].join(delimiter);
    env = { PATH: path, CONTACT_SERVER: scene.address, HOME: folder, XDG_CONFIG_HOME: folder };
  });
  after(() => scene.close());
  cleanUpProcesses();

  /** What the last word may become. */
  async function complete(...words: string[]): Promise<string[]> {
    const { stdout, stderr, code } = await runHere(['complete', '--', ...words]);
    assert.deepEqual([stderr, code], ['', 0]);
    return stdout
      .trimEnd()
      .split('\n')
      .map((line) => line.split('\t')[0]!);
  }

  const server = (): string[] => ['--server', scene.address];

  it('knows commands, flags, choices and states', async () => {
    assert.deepEqual(await complete('que'), ['queues', ':4']);
    assert.deepEqual(await complete('queues', 're'), ['resume', 'retain', ':4']);
    assert.deepEqual(await complete('tasks', 'list', '--sta'), ['--state', ':4']);
    assert.deepEqual(await complete('tasks', 'list', '--state', 'f'), ['failed', ':4']);
    assert.deepEqual(await complete('tasks', 'list', '--state=ca'), ['cancelled', ':4']);
    assert.deepEqual(await complete('completion', 'z'), ['zsh', ':4']);
    assert.deepEqual(await complete('compl'), ['completion', ':4'], 'what scripts call is offered to nobody');
  });

  it('offers files where a file stands, and behind --', async () => {
    assert.deepEqual(await complete('tasks', 'list', '--tls-ca', ''), [':0']);
    assert.deepEqual(await complete('work', 'sums', '--', 'sha'), [':0']);
  });

  it('asks the server of the line for its queues and clients', async () => {
    assert.deepEqual(await complete('queues', 'pause', ...server(), 's'), ['sums', ':4']);
    assert.deepEqual(await complete('enqueue', ...server(), ''), ['lines', 'sums', ':4']);
    assert.deepEqual(await complete('clients', 'show', `--server=${scene.address}`, 'ro'), ['robot-7', ':4']);
    assert.deepEqual(await complete('enqueue', 'sums', ...server(), '--client', ''), ['robot-7', ':4']);
    assert.deepEqual(await complete('tasks', 'list', ...server(), '--queue', 'l'), ['lines', ':4']);
  });

  it('is silent and soon back where no server answers', async () => {
    const begun = performance.now();
    assert.deepEqual(await complete('queues', 'pause', '--server', '127.0.0.1:1', ''), [':4']);
    // An address that nobody answers from, by RFC 5737.
    assert.deepEqual(await complete('queues', 'pause', '--server', '192.0.2.1:1', ''), [':4']);
    assert.deepEqual(await complete('queues', 'pause', '--server', 'nonsense', ''), [':4']);
    assert.deepEqual(await complete('queues', 'pause', '--profile', 'nobody', ''), [':4']);
    assert.ok(performance.now() - begun < 5_000);
  });

  /** Runs a script in a shell; that of `contact completion` is at work in it. */
  async function runIn(test: Mocha.Context, shell: string, script: string, ...args: string[]): Promise<string> {
    if (spawnSync(shell, ['-c', 'true']).status !== 0) skipLoudly(test, `needs ${shell}`);
    const ended: Ended = await startProgram(shell, [...args, '-c', `cd ${folder}\n${script}`], { env }).ended;
    assert.equal(ended.stderr, '');
    assert.equal(existsSync(join(folder, 'pwned')), false, 'what was typed was run');
    return ended.stdout;
  }

  it('works in bash, without the package bash-completion', async function () {
    const tab = (line: string): string =>
      `COMP_LINE='${line}' COMP_POINT=${line.length}; _contact; printf '%s\\n' "$COMP_LINE: $\{COMPREPLY[*]}"`;
    const output = await runIn(
      this,
      'bash',
      `source <(contact completion bash); source <(contact completion bash); complete -p contact
       ${tab('contact queues pause su')}
       ${tab('contact tasks list --state=fa')}
       ${tab('contact clients show ')}
       ${tab('contact enqueue "$(touch pwned)" --cl')}`,
      '--norc',
    );
    assert.deepEqual(output.split('\n'), [
      'complete -F _contact contact',
      'contact queues pause su: sums',
      'contact tasks list --state=fa: failed',
      'contact clients show : robot-7',
      'contact enqueue "$(touch pwned)" --cl: --client',
      '',
    ]);
  });

  it('works in fish', async function () {
    const output = await runIn(
      this,
      'fish',
      `contact completion fish | source
       complete -C 'contact queues pause su'
       complete -C 'contact tasks list --state fa'
       complete -C 'contact clients show '`,
      '--no-config',
    );
    assert.deepEqual(output.trim().split(/\s+/), ['sums', 'failed', 'robot-7']);
  });

  it('works in zsh, with the key itself', async function () {
    const output = await runIn(
      this,
      'zsh',
      `zmodload zsh/zpty
       zpty shell zsh -f -i
       zpty -w shell 'autoload -Uz compinit; compinit -u -D; source <(contact completion zsh); print rea""dy'
       zpty -r shell output '*ready*'
       zpty -w -n shell $'contact queues pause su\\t'
       zpty -r shell output '*pause sums*'
       print -r -- "\${output##*contact}"
       zpty -d shell`,
      '-f',
    );
    assert.match(output, / queues pause sums/);
  });
});
