import assert from 'node:assert/strict';
import { existsSync, readdirSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { describe, it } from 'mocha';
import { runHere } from '../scene/command.ts';
import { createFolder } from '../scene/folder.ts';
import { cleanUpProcesses, runContact, startServer } from '../scene/process.ts';

function writeConfig(text: string): string {
  const path = join(createFolder(), 'contact.yaml');
  writeFileSync(path, text);
  return path;
}

describe('contact serve --config', function () {
  this.timeout(120_000);
  cleanUpProcesses();

  it('runs as the file says, the environment over it and flags over both', async () => {
    const config = writeConfig('max-payload: 64B\nmax-result: 64B\nlog-level: warn\n');
    const server = await startServer({
      args: ['--config', config, '--log-level', 'info'],
      env: { CONTACT_MAX_PAYLOAD: '32B' },
    });
    const enqueue = (length: number) => runHere(['enqueue', 'q', 'x'.repeat(length), '--server', server.address]);
    assert.match((await enqueue(33)).stderr, /at most 32/);
    assert.equal((await enqueue(32)).code, 0);
    const { stderr } = await server.stop();
    assert.match(stderr, /"listening"/);
  });

  it('does not start with a file that is wrong, and names its lines', async () => {
    const config = writeConfig('max-payload: banana\nstroe: x\n');
    const { code, stdout, stderr } = await runContact(['serve', '--config', config, '--listen', '127.0.0.1:0']);
    assert.deepEqual([code, stdout], [2, '']);
    assert.match(stderr, /^contact: .*contact\.yaml:2: stroe: there is no such option; did you mean store\?$/m);
    assert.match(stderr, /^contact: .*contact\.yaml:1: max-payload: Expected a size .*, got "banana"$/m);
  });

  it('reads the file anew on SIGHUP: what may change is taken over, the rest is named, a wrong one changes nothing', async () => {
    const config = writeConfig('retain-max: 5\nlog-level: error\n');
    const server = await startServer({ args: ['--config', config] });
    const retention = async (): Promise<unknown> => {
      const { stdout } = await runHere(['queues', 'list', '--json', '--server', server.address]);
      return JSON.parse(stdout).retention.max;
    };
    await runHere(['enqueue', 'q', 'x', '--server', server.address]);
    assert.equal(Number(await retention()), 5);
    writeFileSync(config, 'retain-max: 7\nmax-payload: 2MiB\nlog-level: info\n');
    server.child.kill('SIGHUP');
    const [line] = await server.waitFor(/^.*configuration reloaded.*$/m, 'stderr');
    assert.deepEqual(JSON.parse(line).needRestart, ['maxPayloadBytes']);
    assert.equal(Number(await retention()), 7);
    writeFileSync(config, 'retain-max: many\n');
    server.child.kill('SIGHUP');
    const [wrong] = await server.waitFor(/^.*the configuration is wrong.*$/m, 'stderr');
    assert.match(JSON.parse(wrong).problems[0], /contact\.yaml:1: retain-max: Expected a whole number/);
    assert.equal(Number(await retention()), 7);
    assert.equal((await server.stop()).code, 0);
  });
});

describe('contact serve --check', function () {
  this.timeout(120_000);
  cleanUpProcesses();

  it('prints what it would be run with and where that comes from, and starts nothing', async () => {
    const folder = createFolder();
    const config = writeConfig('max-payload: 2MiB\n');
    const store = `sqlite:${join(folder, 'contact.db')}`;
    const { code, stdout, stderr } = await runContact(['serve', '--check', '--config', config, '--store', store], {
      env: { CONTACT_RESUME_WINDOW: '20s' },
    });
    assert.deepEqual([code, stderr], [0, '']);
    for (const line of [
      /^max-payload: 2MiB +# .*contact\.yaml:1$/m,
      /^resume-window: 20s +# CONTACT_RESUME_WINDOW$/m,
      /^store: sqlite:\S+contact\.db +# --store$/m,
      /^max-result: 1MiB +# default$/m,
    ]) {
      assert.match(stdout, line);
    }
    assert.deepEqual(readdirSync(folder), []);
  });

  it('says what would keep a server from starting, and ends with 2', async () => {
    const notes = writeConfig('just notes, long enough to be no empty file of a database: '.repeat(4));
    const cases: [string[], RegExp][] = [
      [['--store', 'sqlite:/no/such/folder/x.db'], /^contact: --store: the folder \/no\/such\/folder does not exist$/],
      [['--store', `sqlite:${notes}`], /^contact: --store: .* is no store of contact$/],
      [['--store', 'floppy:a'], /^contact: --store: expected sqlite:PATH or memory:/],
      [['--store', 'memory:', '--listen', '192.0.2.1:1'], /^contact: --listen: .*EADDRNOTAVAIL/],
    ];
    for (const [args, message] of cases) {
      const { code, stderr } = await runHere(['serve', '--check', ...args]);
      assert.match(stderr.trim(), message);
      assert.equal(code, 2, args.join(' '));
    }
  });

  it('finds no fault with what a running server has in use', async () => {
    const file = join(createFolder(), 'contact.db');
    const server = await startServer({ store: `sqlite:${file}` });
    const { code, stderr } = await runHere([
      'serve',
      '--check',
      '--store',
      `sqlite:${file}`,
      '--listen',
      server.address,
    ]);
    assert.deepEqual([code, stderr], [0, '']);
    await server.stop();
    assert.equal(existsSync(file), true);
  });
});
