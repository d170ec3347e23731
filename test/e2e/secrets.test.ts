import assert from 'node:assert/strict';
import { createHash, randomBytes } from 'node:crypto';
import { chmodSync, copyFileSync, readFileSync, statSync, writeFileSync } from 'node:fs';
import { connect as connectHttp2 } from 'node:http2';
import { join } from 'node:path';
import { credentials, Metadata } from '@grpc/grpc-js';
import { ContactService } from '../../gen/index.ts';
import { createClient } from '../../shared/grpc.ts';
import { writeJoinText } from '../../shared/jointext.ts';
import { type Outcome, runHere } from '../scene/command.ts';
import { createFolder } from '../scene/folder.ts';
import { findLeaks, listFiles } from '../scene/leaked.ts';
import { cleanUpProcesses, type ServerProcess, startContact, startServer, type TestProcess } from '../scene/process.ts';
import { AUDIENCE, createSigner, ISSUER } from '../scene/signer.ts';
import { until } from '../scene/until.ts';

/** Commands at a time. */
const AT_ONCE = 4;
const PASSWORD = 'hunter2-is-no-password';
const QUICK = ['--connect-timeout', '300ms'];

describe('secrets', function () {
  this.timeout(240_000);
  const folder = createFolder();
  const at = (name: string): string => join(folder, name);
  /** By what they are. */
  const secrets = new Map<string, string>();
  /** Whatever anybody could see, by where that was. */
  const seen = new Map<string, string>();
  const variables = ['XDG_CONFIG_HOME', 'XDG_STATE_HOME'] as const;
  const usual = variables.map((name) => process.env[name]);
  let server: ServerProcess;
  let mask: number;
  before(() => {
    mask = process.umask(0o022);
    for (const name of variables) process.env[name] = at(name);
  });
  after(() => {
    process.umask(mask);
    for (const [n, name] of variables.entries())
      if (usual[n] === undefined) delete process.env[name];
      else process.env[name] = usual[n];
  });
  cleanUpProcesses();

  function keep(name: string, content: string): string {
    writeFileSync(at(name), content, { mode: 0o600 });
    return at(name);
  }

  function argumentsOf({ pid }: TestProcess): string {
    try {
      return readFileSync(`/proc/${pid}/cmdline`, 'latin1');
    } catch {
      return '';
    }
  }

  /**
   * A command, in a process of its own where it is a server or has its own environment. What it says is for anybody to see, what
   * it prints where `isPublic`.
   */
  async function run(args: readonly string[], env?: Record<string, string>, isPublic = true): Promise<Outcome> {
    const isApart = env !== undefined || (args[0] === 'serve' && !args.includes('--check'));
    const ended = await (isApart ? startContact(args, env && { env }).ended : runHere(args));
    const what = `${args.join(' ')} #${seen.size}`;
    seen.set(`stderr of ${what}`, ended.stderr);
    if (isPublic) seen.set(`stdout of ${what}`, ended.stdout);
    return ended;
  }

  async function runAll(commands: readonly (readonly string[])[]): Promise<void> {
    const left = [...commands];
    const go = async (): Promise<void> => {
      for (let next = left.shift(); next; next = left.shift()) {
        const { code } = await run(next);
        assert.notEqual(code, 0, `${next.join(' ')} went well`);
      }
    };
    await Promise.all(Array.from({ length: AT_ONCE }, go));
  }

  it('are in no log, no error, no list of processes and no page of metrics, wherever they were put; their files are for one', async () => {
    const store = `sqlite:${at('contact.db')}`;
    const signer = await createSigner();
    const keys = keep('keys.json', JSON.stringify({ keys: [signer.jwk] }));
    const config = keep('contact.yaml', 'log-level: debug\n');
    const jwtFlags = ['--jwks', keys, '--jwt-issuer', ISSUER, '--jwt-audience', AUDIENCE, '--jwt-grants'];
    server = await startServer({
      store,
      args: [
        ...['--tls', 'auto', '--config', config, '--audit-log', at('audit.log'), '--metrics', '127.0.0.1:0'],
        ...[...jwtFlags, 'web role=producer queue=*', '--refusal-delay', '0ms'],
      ],
    });
    const ca = at('contact.db.ca.pem');
    const reach = ['--server', server.address, '--tls-ca', ca];
    const operator = ['--server', `unix:${at('contact.db.sock')}`];
    const operatorToken = readFileSync(at('contact.db.operator-token'), 'utf8').trim();
    secrets.set('the token of the operator', operatorToken.slice(20));
    for (const name of ['ca-key', 'tls']) {
      const [, body = ''] = /PRIVATE KEY-----\s+([^-]+)/.exec(readFileSync(at(`contact.db.${name}.pem`), 'utf8')) ?? [];
      secrets.set(`the key of ${name}`, body.replaceAll(/\s/g, ''));
    }

    const create = (name: string, role: string): string[] => [
      'token',
      'create',
      '--name',
      name,
      '--role',
      role,
      '--queue',
      '*',
      '--client',
      '*',
    ];
    const draw = async (what: string, ...args: string[]): Promise<string> => {
      const { stdout, stderr } = await run([...args, ...operator], undefined, false);
      const text = stdout.trim();
      assert.match(text, /^c[tj]_\S+$/, stderr);
      secrets.set(what, text.slice(20));
      return text;
    };
    const token = await draw('the token of a producer', ...create('web', 'producer'));
    const where = ['--address', server.address, '--queue', 'q', '--client', '*'];
    const text = await draw('the join text', 'join', 'create', ...where);
    secrets.set('the secret of the join', JSON.parse(Buffer.from(text.slice(3), 'base64url').toString()).s);
    const jwt = await signer.sign();
    secrets.set('the JWT', jwt.slice(jwt.indexOf('.') + 1));
    secrets.set('a password', PASSWORD);
    const session = randomBytes(16).toString('hex');
    secrets.set('the id of a session', session);

    const tokenFile = keep('web.token', `${token}\n`);
    const joinFile = keep('join.txt', `${text}\n`);
    const worker = startContact(['work', 'q', '--join-file', joinFile, '--id', 'robot-7', '--', 'cat']);
    const asProducer = [...reach, '--token-file', tokenFile];
    const done = await run(['enqueue', 'q', 'x', '--wait', ...asProducer]);
    assert.equal(done.stdout, 'x', done.stderr);
    seen.set('arguments of the worker', argumentsOf(worker));
    seen.set('arguments of the server', argumentsOf(server));
    const credentialFile = at('XDG_STATE_HOME/contact/robot-7.json');
    secrets.set('the credential of a client', JSON.parse(readFileSync(credentialFile, 'utf8')).secret);
    assert.equal((await run(['enqueue', 'q', 'x', ...reach], { CONTACT_TOKEN: jwt })).code, 0);

    // Each where it does not belong, and where it belongs and is not let in.
    const stranger = writeJoinText({
      addresses: [server.address],
      pin: 'A'.repeat(43),
      id: 'a'.repeat(16),
      secret: createHash('sha256').update('x').digest('base64url'),
    });
    secrets.set('the secret of a join that nobody has', createHash('sha256').update('x').digest('base64url'));
    const longer = keep('longer.token', `${token}x\n`);
    const broken = keep('broken.token', `${token.slice(0, 40)}\n${token.slice(40)}\n`);
    const twice = keep('bearer.token', `Bearer ${token}\n`);
    const list = ['tasks', 'list'];
    const check = ['serve', '--check', '--store', 'memory:'];
    await runAll([
      [...list, ...reach, '--token-file', longer],
      [...list, ...reach, '--token-file', broken],
      [...list, ...reach, '--token-file', twice],
      [...list, ...reach, '--token-file', joinFile],
      [...list, ...reach, '--token-file', credentialFile],
      [...list, ...reach, '--token-file', at('contact.db.ca-key.pem')],
      [...list, ...reach, '--token-file', token],
      [...list, ...reach, '--credential-file', tokenFile],
      [...list, ...reach, '--credential-file', token],
      [...list, '--tls-pin', 'A'.repeat(43), '--server', server.address, '--token-file', tokenFile, ...QUICK],
      [...list, '--server', server.address, '--token-file', tokenFile, ...QUICK],
      [...list, '--server', '192.0.2.1:1', '--token-file', tokenFile],
      [...list, '--server', token],
      [...list, '--server', server.address, '--tls-pin', token],
      [...list, '--profile', token],
      ['queues', 'list', ...asProducer],
      ['token', 'revoke', operatorToken, ...operator],
      ['token', 'rotate', token, ...operator],
      ['token', 'create', '--name', text, '--role', 'producer', ...operator],
      ['clients', 'show', token, ...operator],
      ['tasks', 'show', token, ...asProducer],
      ['call', token, ...asProducer],
      [token, ...asProducer],
      ['join', '--join-file', tokenFile, '--id', 'robot-8', '--out', at('x.json')],
      ['join', '--join-file', text, '--id', 'robot-7', '--out', at('x.json')],
      ['join', '--join-file', keep('stranger.txt', stranger), '--id', 'robot-9', '--out', at('y.json'), ...QUICK],
      ['join', '--join-file', joinFile, '--id', text, '--out', at('z.json')],
      ['config', 'set-profile', 'p', '--token', token],
      ['config', 'set-profile', token, '--tls-pin', jwt, '--server', jwt],
      ['serve', '--check', '--store', `postgres://contact:${PASSWORD}@db.example.org/contact`],
      ['serve', '--store', `postgres://contact:${PASSWORD}@db.example.org/contact`],
      [...check, '--auth', 'on', ...jwtFlags, 'web role=producer', '--jwks', `http://contact:${PASSWORD}@id.test/keys`],
      [
        ...check,
        '--auth',
        'on',
        ...jwtFlags,
        'web role=producer',
        '--jwks',
        `https://contact:${PASSWORD}@id.test/keys`,
      ],
      [...check, '--auth', 'on', ...jwtFlags, 'web role=producer', '--jwks', tokenFile],
      [...check, '--tls-cert', at('contact.db.ca-key.pem'), '--tls-key', ca],
      [...check, '--tls-cert', ca, '--tls-key', tokenFile],
      ['serve', '--check', '--config', tokenFile],
      ['serve', '--check', '--config', credentialFile],
      ['serve', '--check', '--log-level', token],
      ['serve', '--check', '--listen', token],
      ['serve', '--check', '--store', token],
      ['serve', '--check', '--store', `sqlite:${tokenFile}`],
      ['health', '--server', token],
    ]);

    // Over the wire, where the command says no such thing.
    const raw = createClient(ContactService, server.address, credentials.createSsl(readFileSync(ca)));
    const call = (entries: Record<string, string>): Promise<string> =>
      new Promise((resolve) => {
        const metadata = new Metadata();
        for (const [key, value] of Object.entries(entries)) metadata.set(key, value);
        const stream = raw.getTask({ queues: ['q'] }, metadata);
        stream.on('data', () => stream.cancel());
        stream.on('error', ({ message }) => resolve(message));
      });
    const workerToken = await draw('the token of a worker', ...create('w', 'worker'));
    const bearer = { authorization: `Bearer ${workerToken}` };
    for (const entries of [
      { authorization: token },
      { authorization: `Basic ${Buffer.from(`contact:${PASSWORD}`).toString('base64')}` },
      { authorization: `Bearer ${jwt}x` },
      { ...bearer, 'contact-session': session },
      { ...bearer, 'contact-session': session, 'contact-client': 'another' },
      // A name is shown as it was given, to who may see it: no token is put there.
      { ...bearer, 'contact-client': 'a', 'contact-agent': token },
      { ...bearer, 'contact-label': `key=${token}` },
    ])
      seen.set(`answer to ${Object.keys(entries)} #${seen.size}`, await call(entries as Record<string, string>));
    raw.close();
    const session2 = connectHttp2(`https://${server.address}`, { ca: readFileSync(ca), servername: 'localhost' });
    await new Promise<void>((resolve) => {
      const stream = session2.request({
        ':method': 'POST',
        ':path': `/${token}/${jwt}`,
        'content-type': 'application/grpc',
      });
      stream
        .on('close', resolve)
        .on('error', () => undefined)
        .resume();
    });
    session2.destroy();

    // What a server says of itself, and of what was given to it.
    const ids = (await run(['tasks', 'list', '--json', ...asProducer])).stdout.trim().split('\n');
    for (const line of ids) await run(['tasks', 'show', JSON.parse(line).id, ...asProducer]);
    await run(['config', 'set-profile', 'prod', ...reach, '--token-file', tokenFile]);
    await run(['config', 'show', 'prod', '--json']);
    await run(['clients', 'list', ...operator]);
    await run(['acts', '--json', ...operator]);
    await run(['token', 'list', '--json', ...operator]);
    await run(['whoami', ...asProducer]);
    await run(['doctor', '--store', store, ...reach, '--token-file', at('contact.db.operator-token')]);
    await run(['serve', '--check', '--store', store, '--tls', 'auto', '--config', config]);
    await run(['backup', at('copy.db'), ...operator]);
    const { metrics } = JSON.parse((await server.waitFor(/^.*"listening".*$/m, 'stderr'))[0]);
    seen.set('metrics', await (await fetch(`http://${metrics}/metrics`)).text());

    // A configuration that is wrong, while it runs, and a key that others could read at the next start.
    writeFileSync(config, `log-level: ${token}\nstore: postgres://contact:${PASSWORD}@db/contact\n`);
    server.child.kill('SIGHUP');
    await server.waitFor(/configuration is wrong/, 'stderr');
    await until('the worker runs', () => worker.child.exitCode === null);
    const modes = listFiles(folder)
      .filter((file) => !file.startsWith(at('XDG_CONFIG_HOME')))
      .filter((file) => (statSync(file).mode & 0o077) !== 0)
      .map((file) => `${file.slice(folder.length + 1)} ${(statSync(file).mode & 0o777).toString(8)}`);
    const { stdout, stderr } = await worker.stop();
    seen.set('output of the worker', `${stdout}${stderr}`);
    const ended = await server.stop();
    seen.set('log of the server', `${ended.stdout}${ended.stderr}`);
    seen.set('audit log', readFileSync(at('audit.log'), 'utf8'));
    assert.match(seen.get('audit log')!, /CreateToken/);
    assert.match(seen.get('log of the server')!, /call refused/);
    chmodSync(at('contact.db.ca-key.pem'), 0o644);
    await run(['serve', '--store', store, '--tls', 'auto', '--listen', '127.0.0.1:0']);
    copyFileSync(tokenFile, at('contact.db.ca-key.pem'));
    chmodSync(at('contact.db.ca-key.pem'), 0o600);
    await run(['serve', '--store', store, '--tls', 'auto', '--listen', '127.0.0.1:0']);
    assert.deepEqual(findLeaks(secrets, seen), []);
    assert.deepEqual(modes, []);
  });
});
