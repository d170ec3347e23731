import assert from 'node:assert/strict';
import { chmodSync, existsSync, readdirSync, readFileSync, renameSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { describe, it } from 'mocha';
import { runHere } from '../scene/command.ts';
import { createFolder } from '../scene/folder.ts';
import { cleanUpProcesses, findPort, runContact, startServer } from '../scene/process.ts';
import { createTestAuthority, writePair } from '../scene/tlsfiles.ts';

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
      return JSON.parse(stdout).retention.maxTasks;
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
    writeFileSync(config, 'retain-max: 9\naudit-log: /no/such/folder/audit.log\nlog-level: info\n');
    server.child.kill('SIGHUP');
    await server.waitFor(
      /"problems":\["\/no\/such\/folder\/audit.log cannot be opened for the audit log: ENOENT/,
      'stderr',
    );
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
      [['--store', 'memory:', '--listen', '192.0.2.1:1'], /^contact: --listen: .*EADDRNOTAVAIL/m],
    ];
    for (const [args, message] of cases) {
      const { code, stderr } = await runHere(['serve', '--check', ...args]);
      assert.match(stderr.trim(), message);
      assert.equal(code, 2, args.join(' '));
    }
  });

  it('looks at what lets callers in, and at keys and certificates, and says of which option and source it is', async () => {
    const folder = createFolder();
    const at = (name: string): string => join(folder, name);
    const authority = createTestAuthority();
    const one = authority.sign('one', { names: ['localhost'] });
    const { tlsCert, tlsKey } = writePair(folder, { ...one, cert: Buffer.concat([one.cert, authority.cert]) });
    writeFileSync(at('alone.pem'), one.cert);
    const early = authority.sign('one', { daysAhead: 5 });
    writeFileSync(at('early.pem'), Buffer.concat([early.cert, early.key]));
    const ended = authority.sign('one', { days: -1 });
    writeFileSync(at('ended-pair.pem'), Buffer.concat([ended.cert, ended.key]));
    writeFileSync(at('other.pem'), authority.sign('two').key);
    writeFileSync(at('ended.pem'), authority.sign('one', { days: -1 }).cert);
    const soon = authority.sign('one', { days: 5 });
    writeFileSync(at('soon.pem'), Buffer.concat([soon.cert, authority.cert, soon.key]));
    writeFileSync(at('keys.json'), JSON.stringify({ keys: [] }));
    writeFileSync(at('none.json'), 'notes');
    const tls = (cert: string, key: string): string[] => ['--tls-cert', cert, '--tls-key', key];
    const jwt = ['--jwt-issuer', 'https://id.example.org', '--jwt-audience', 'a', '--jwt-grants', 'web role=producer'];
    const config = writeConfig('certificate-grants: [robot role=king]\n');
    const cases: [number, string[], RegExp][] = [
      [0, tls(tlsCert, tlsKey), /^contact: --auth: warning: nobody can get in: /],
      [0, [...tls(tlsCert, tlsKey), '--operator-socket', at('s')], /^$/],
      [
        0,
        [...tls(at('alone.pem'), tlsKey), '--operator-socket', at('s')],
        /^contact: --tls-cert: warning: .*alone\.pem lacks .*; put that of CN=authority of a test behind it .*$/,
      ],
      [
        2,
        tls(tlsCert, at('other.pem')),
        /^contact: --tls-key: the private key is not that of the certificate: .*other\.pem and .*cert\.pem have/m,
      ],
      [
        2,
        tls(at('ended-pair.pem'), at('ended-pair.pem')),
        /^contact: --tls-cert: the certificate in .*ended-pair\.pem has ended on .*: have it renewed$/m,
      ],
      [
        2,
        tls(at('early.pem'), at('early.pem')),
        /^contact: --tls-cert: the certificate in .*early\.pem begins on .*: is the clock of this machine right\?$/m,
      ],
      [
        2,
        [...tls(tlsCert, tlsKey), '--tls-client-ca', at('other.pem')],
        /^contact: --tls-client-ca: .*other\.pem has no certificate in PEM\b/m,
      ],
      [2, tls(at('ended.pem'), tlsKey), /^contact: .*(the certificate has ended|not that of the certificate)/m],
      [0, tls(at('soon.pem'), at('soon.pem')), /^contact: --tls-cert: warning: the certificate ends on 20/m],
      [2, ['--tls-cert', tlsCert], /^contact: --tls-key: a certificate and its key go together$/m],
      [2, ['--jwks', at('keys.json')], /^contact: --jwt-issuer: expected where there is `jwks`/m],
      [2, ['--jwks', at('none.json'), ...jwt], /^contact: --jwks: expected to be a file with a JSON Web Key Set/m],
      [2, ['--jwks', at('nowhere'), ...jwt], /^contact: --jwks: .*ENOENT$/m],
      [0, ['--jwks', at('keys.json'), ...jwt], /^contact: --jwks: warning: no JWT is asked for, as auth is off$/m],
      [2, ['--config', config], /^contact: .*contact\.yaml:1: expected .*robot\.roles/m],
      [
        0,
        ['--certificate-grants', 'r role=worker'],
        /^contact: --certificate-grants: warning: no certificate is asked/,
      ],
      [2, ['--listen', '0.0.0.0:0', '--auth', 'off'], /^contact: --listen: anybody who reaches .* as auth is off/m],
      [2, ['--metrics', '0.0.0.0:9100'], /^contact: --metrics: expected an address on loopback/m],
    ];
    for (const [expected, args, message] of cases) {
      const { code, stderr } = await runHere(['serve', '--check', '--store', 'memory:', ...args]);
      assert.match(stderr.trim(), message, args.join(' '));
      assert.equal(code, expected, `${args.join(' ')}: ${stderr}`);
    }
    // What a server has made beside its store has to be as it left it.
    const auto = ['serve', '--check', '--store', `sqlite:${at('contact.db')}`, '--tls', 'auto'];
    writeFileSync(at('contact.db.ca-key.pem'), 'x', { mode: 0o600 });
    assert.match((await runHere(auto)).stderr, /^contact: --tls: .*is no certificate with its key/m);
    chmodSync(at('contact.db.ca-key.pem'), 0o644);
    assert.match((await runHere(auto)).stderr, /^contact: .*may be read by others/m);
    assert.equal(readFileSync(at('contact.db.ca-key.pem'), 'utf8'), 'x');
    renameSync(at('contact.db.ca-key.pem'), at('contact.db.ca.pem'));
    assert.match((await runHere(auto)).stderr, /^contact: --tls: .*ca-key\.pem is missing.*put back a copy/m);
  });

  it('finds what a start would be refused with, wherever the start would find it, and makes nothing', async () => {
    const folder = createFolder();
    const at = (name: string): string => join(folder, name);
    writeFileSync(at('file'), 'x');
    const port = await findPort();
    const other = await findPort();
    const long = at('n'.repeat(100));
    const rows: [string[], RegExp][] = [
      [['--audit-log', at('none/audit.log')], /^contact: --audit-log: .*ENOENT/],
      [['--audit-log', folder], /^contact: --audit-log: .*EISDIR/],
      [['--auth', 'on', '--operator-socket', at('none/s')], /^contact: --operator-socket: there is no folder for /],
      [['--auth', 'on', '--operator-socket', at('file')], /^contact: --operator-socket: .* is a file, not a socket/],
      [['--auth', 'on', '--operator-socket', long], /^contact: --operator-socket: the path is too long for a socket/],
      [['--listen', `unix:${at('none/s')}`], /^contact: --listen: there is no folder for /],
      [
        ['--listen', `127.0.0.1:${port}`, '--listen', `127.0.0.1:${port}`],
        /^contact: --listen: .* is listened on twice/,
      ],
      [
        ['--listen', `127.0.0.1:${other}`, '--metrics', `127.0.0.1:${other}`],
        /^contact: --metrics: .* is listened on twice/,
      ],
      [['--tls', 'auto', '--tls-client-ca', at('file')], /^contact: .* has no certificate in PEM/m],
    ];
    const tryRow = async ([args, message]: (typeof rows)[number]): Promise<void> => {
      const place = args.includes('--listen') ? [] : ['--listen', '127.0.0.1:0'];
      const serve = ['serve', '--store', 'memory:', ...place, ...args];
      const checked = await runHere([...serve, '--check']);
      assert.match(checked.stderr, message, args.join(' '));
      assert.equal(checked.code, 2, args.join(' '));
      const started = await runContact(serve);
      assert.ok(started.code === 1 || started.code === 2, `${args.join(' ')}: ${started.code} ${started.stderr}`);
    };
    await Promise.all(rows.map(tryRow));
    assert.deepEqual(readdirSync(folder), ['file']);
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
