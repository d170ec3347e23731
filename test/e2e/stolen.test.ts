import assert from 'node:assert/strict';
import { readFileSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { ROOT } from '../../scripts/tool.ts';
import { type Outcome, runHere } from '../scene/command.ts';
import { createFolder } from '../scene/folder.ts';
import { cleanUpProcesses, type ServerProcess, startServer } from '../scene/process.ts';

/** The commands of docs/access.md that stand behind this mark. */
function readRecipe(): readonly (readonly string[])[] {
  const text = readFileSync(join(ROOT, 'docs', 'access.md'), 'utf8');
  const [, block = ''] = /<!-- test: after a theft -->\n```sh\n([^`]+)```/.exec(text) ?? [];
  return block
    .trim()
    .split('\n')
    .map((line) => line.split(' '));
}

describe('a stolen token of an operator', function () {
  this.timeout(180_000);
  let folder: string;
  let server: ServerProcess;
  before(async () => {
    folder = createFolder();
    server = await startServer({
      store: `sqlite:${join(folder, 'contact.db')}`,
      args: ['--tls', 'auto', '--tls-name', 'localhost'],
    });
  });
  after(async () => void (await server?.stop()));
  cleanUpProcesses();

  async function succeed(...args: readonly string[]): Promise<Outcome> {
    const outcome = await runHere(args);
    assert.equal(outcome.code, 0, `${args.join(' ')}: ${outcome.stderr}`);
    return outcome;
  }

  function keep(name: string, text: string): string {
    const path = join(folder, name);
    writeFileSync(path, text, { mode: 0o600 });
    return path;
  }

  it('is undone by the recipe of the documentation, with all that its thief has made', async () => {
    const socket = ['--server', `unix:${join(folder, 'contact.db.sock')}`];
    const line = ['--server', server.address, '--tls-ca', join(folder, 'contact.db.ca.pem')];
    const operator = ['--role', 'operator'];
    const draw = async (name: string, ...args: readonly string[]) => keep(name, (await succeed(...args)).stdout);
    const stolen = await draw('stolen', 'token', 'create', '--name', 'ops', ...operator, ...socket);
    const id = readFileSync(stolen, 'utf8').slice(3, 19);

    const as = (file: string) => ['--token-file', file, ...line];
    const heir = await draw('heir', 'token', 'rotate', id, '--overlap', '1h', ...as(stolen));
    const besides = await draw('besides', 'token', 'rotate', id, '--overlap', '1h', ...as(stolen));
    const innocent = await draw('innocent', 'token', 'create', '--name', 'innocent', ...operator, ...as(heir));
    const fleet = ['--queue', '*', '--client', '*', '--address', server.address];
    const text = await draw('text', 'join', 'create', ...fleet, ...as(innocent));
    const robot = join(folder, 'robot.json');
    await succeed('join', '--join-file', text, '--id', 'robot-7', '--out', robot);

    const recipe = readRecipe();
    assert.equal(recipe.length, 2);
    const next = join(folder, 'next.token');
    for (const [program, ...words] of recipe) {
      assert.equal(program, 'contact');
      const to = words.indexOf('>');
      const asked = (to < 0 ? words : words.slice(0, to)).map((word) =>
        word === 'k3v9x0a1b2c3d4e5' ? id : word === 'unix:contact.db.sock' ? socket[1]! : word,
      );
      const { stdout, stderr } = await succeed(...asked);
      if (to >= 0) keep(words[to + 1]!, stdout);
      else assert.match(`${stdout}${stderr}`, /revoked, 6 with all that was made with it/);
    }
    for (const file of [stolen, heir, besides, innocent]) {
      const { code, stderr } = await runHere(['whoami', ...as(file)]);
      assert.deepEqual([code, /was revoked/.test(stderr)], [1, true], `${file}: ${stderr}`);
    }
    const client = await runHere(['whoami', '--credential-file', robot]);
    assert.deepEqual([client.code, /was revoked/.test(client.stderr)], [1, true], client.stderr);
    assert.match((await succeed('whoami', ...as(next))).stdout, /^principal: +token:ops\n/);
    const { stdout } = await succeed('token', 'list', ...as(next));
    const [row = ''] = stdout.split('\n').filter((one) => / innocent /.test(one));
    assert.match(row, new RegExp(`token:ops +${readFileSync(heir, 'utf8').slice(3, 19)} .*revoked`));
  });
});
