import assert from 'node:assert/strict';
import { mkdirSync, readFileSync, writeFileSync } from 'node:fs';
import { dirname, join, resolve } from 'node:path';
import { createCredentialFile } from '../../client/credential/credentialfile.ts';
import { drawSecret } from '../../client/credential/secret.ts';
import { writeJoinText } from '../../shared/jointext.ts';
import { recordCalls } from '../scene/asked.ts';
import { type Outcome, runHere } from '../scene/command.ts';
import { closeScene } from '../scene/end.ts';
import { createFolder } from '../scene/folder.ts';
import { startScene } from '../scene/server.ts';

const VARIABLES = [
  'XDG_CONFIG_HOME',
  'CONTACT_SERVER',
  'CONTACT_TOKEN',
  'CONTACT_TOKEN_FILE',
  'CONTACT_PROFILE',
  'CONTACT_CREDENTIAL_FILE',
];
const QUICK = ['--connect-timeout', '200ms'];

describe('contact config', () => {
  let file: string;
  let folder: string;
  let before: (string | undefined)[];

  beforeEach(() => {
    before = VARIABLES.map((name) => process.env[name]);
    for (const name of VARIABLES) delete process.env[name];
    folder = createFolder();
    process.env.XDG_CONFIG_HOME = folder;
    file = join(folder, 'contact', 'config.json');
  });
  afterEach(async () => {
    await closeScene();
    for (const [at, name] of VARIABLES.entries()) {
      if (before[at] === undefined) delete process.env[name];
      else process.env[name] = before[at];
    }
  });

  async function succeed(...args: string[]): Promise<Outcome> {
    const outcome = await runHere(args);
    assert.equal(outcome.code, 0, outcome.stderr);
    return outcome;
  }

  async function refuse(message: RegExp, ...args: string[]): Promise<void> {
    const { code, stdout, stderr } = await runHere(args);
    assert.deepEqual([code, stdout], [2, ''], args.join(' '));
    assert.match(stderr, message);
  }

  it('keeps profiles, shows them, and holds paths instead of secrets', async () => {
    await succeed('config', 'set-profile', 'prod', '--server', 'tasks.example.org:443', '--tls');
    await succeed('config', 'set-profile', 'prod', '--token-file', 'secret');
    await succeed('config', 'set-profile', 'home', '--server', 'unix:/run/contact.sock');
    await refuse(/a profile holds no secrets/, 'config', 'set-profile', 'prod', '--token', 'hidden');
    await succeed('config', 'use', 'prod');
    const tokenFile = resolve('secret');
    const prod = { server: 'tasks.example.org:443', tls: true, tokenFile };
    assert.deepEqual(JSON.parse(readFileSync(file, 'utf8')), {
      current: 'prod',
      profiles: { prod, home: { server: 'unix:/run/contact.sock' } },
    });
    const { stdout } = await succeed('config', 'list', '--json');
    assert.deepEqual(
      stdout
        .trimEnd()
        .split('\n')
        .map((line) => JSON.parse(line)),
      [
        { profile: 'home', current: false, server: 'unix:/run/contact.sock' },
        { profile: 'prod', current: true, ...prod },
      ],
    );
    assert.match((await succeed('config', 'list')).stdout, /^profile +server .*\nhome .*\nprod .* yes +\*\n$/);
    assert.match((await succeed('config', 'show')).stdout, /^profile: +prod \(current\)\nserver: +tasks\.example\.org/);
    assert.deepEqual(JSON.parse((await succeed('config', 'show', 'home', '--json')).stdout), {
      profile: 'home',
      current: false,
      server: 'unix:/run/contact.sock',
    });
    await succeed('config', 'delete-profile', 'prod');
    await refuse(/no profile "prod"; there are: home/, 'config', 'use', 'prod');
    await refuse(/no profile is the current one/, 'config', 'show');
  });

  it('keeps the path of a socket file as it is from the root: a profile is used in any folder', async () => {
    const serverOf = (name: string): unknown => JSON.parse(readFileSync(file, 'utf8')).profiles[name].server;
    await succeed('config', 'set-profile', 'near', '--server', 'unix:contact.sock');
    assert.equal(serverOf('near'), `unix:${resolve('contact.sock')}`);
    await succeed('config', 'set-profile', 'far', '--server', 'unix:///run/contact.sock');
    assert.equal(serverOf('far'), 'unix:/run/contact.sock');
    await refuse(/more than 107 bytes of path/, 'config', 'set-profile', 'long', '--server', `unix:${'x'.repeat(107)}`);
  });

  it('has the pin of a server, or that its token may go without TLS, as flags of commands do', async () => {
    const pin = 'A'.repeat(43);
    await succeed('config', 'set-profile', 'pinned', '--server', '127.0.0.1:1', '--tls-pin', pin);
    assert.match((await succeed('config', 'list')).stdout, /^pinned .* yes/m);
    const both = ['--tls-ca', 'ca.pem', '--tls-pin', pin];
    await refuse(/--tls-ca or --tls-pin, not both/, 'config', 'set-profile', 'pinned', ...both);
    const scene = await startScene();
    await succeed('config', 'set-profile', 'pinned', '--server', scene.address);
    // Whoever is pinned is spoken to by TLS, which this one does not speak.
    const { code, stderr } = await runHere(['queues', 'list', '--profile', 'pinned', ...QUICK]);
    assert.equal(code, 3, stderr);
    // Another way to trust it takes the place of that one, for one command by a flag, and in the profile.
    await refuse(/--tls-ca: ENOENT/, 'queues', 'list', '--profile', 'pinned', '--tls-ca', '/nowhere');
    await succeed('config', 'set-profile', 'pinned', '--tls-ca', 'ca.pem');
    assert.equal(JSON.parse((await succeed('config', 'show', 'pinned', '--json')).stdout).tlsPin, undefined);
    const token = join(folder, 'token');
    writeFileSync(token, 'secret', { mode: 0o600 });
    const away = ['config', 'set-profile', 'away', '--server', '192.0.2.1:1', '--token-file', token];
    await succeed(...away);
    const list = ['queues', 'list', '--profile', 'away', ...QUICK];
    await refuse(/the token would be sent to 192\.0\.2\.1:1 where others can read it/, ...list);
    await succeed(...away, '--insecure');
    assert.equal(JSON.parse((await succeed('config', 'show', 'away', '--json')).stdout).insecure, true);
    assert.equal((await runHere(list)).code, 3);
  });

  it('comes after flags and the environment, and before the defaults', async () => {
    const [profiled, other] = [await startScene(), await startScene()];
    const [seen, elsewhere] = [recordCalls(profiled.address), recordCalls(other.address)];
    const secret = (name: string): string => {
      writeFileSync(join(folder, name), `${name}\n`, { mode: 0o600 });
      return join(folder, name);
    };
    const sent = (): unknown[] => [
      ...new Set([...seen.splice(0), ...elsewhere.splice(0)].map(({ headers }) => headers.authorization)),
    ];
    const list = ['queues', 'list'];
    await succeed('config', 'set-profile', 'p', '--server', profiled.address, '--token-file', secret('profile'));
    await succeed(...list, '--profile', 'p');
    assert.deepEqual(sent(), ['Bearer profile']);
    await succeed('config', 'use', 'p');
    await succeed(...list);
    assert.deepEqual(sent(), ['Bearer profile']);
    process.env.CONTACT_TOKEN_FILE = secret('environment');
    await succeed(...list);
    assert.deepEqual(sent(), ['Bearer environment']);
    await succeed(...list, '--token-file', secret('flag'));
    assert.deepEqual(sent(), ['Bearer flag']);
    assert.match((await succeed(...list, '--token', 'bare')).stderr, /--token can be read by every user .*\(ps\)/);
    assert.deepEqual(sent(), ['Bearer bare']);
    process.env.CONTACT_TOKEN = 'variable';
    assert.equal((await succeed(...list, '--token-file', secret('flag'))).stderr, '');
    assert.deepEqual(sent(), ['Bearer flag']);
    await refuse(/--token .*or --token-file .*not both/, ...list);
    delete process.env.CONTACT_TOKEN_FILE;
    assert.equal((await succeed(...list)).stderr, '');
    assert.deepEqual(sent(), ['Bearer variable']);
    delete process.env.CONTACT_TOKEN;
    // The current profile is of its server; what is named holds anywhere.
    await succeed(...list, '--server', other.address);
    assert.deepEqual(sent(), [undefined]);
    process.env.CONTACT_PROFILE = 'p';
    await succeed(...list, '--server', other.address);
    assert.deepEqual(sent(), ['Bearer profile']);
  });

  it('has no say over the server of a join text, or of a credential file, that is given nearer', async () => {
    const [profiled, other] = [await startScene(), await startScene()];
    const [seen, elsewhere] = [recordCalls(profiled.address), recordCalls(other.address)];
    const parts = { addresses: [other.address], pin: '', ...drawSecret() };
    const credential = join(folder, 'robot-1.json');
    createCredentialFile(credential, { ...parts, clientId: 'robot-1', isEnrolled: true });
    const text = join(folder, 'text.join');
    writeFileSync(text, writeJoinText(parts), { mode: 0o600 });
    await succeed('config', 'set-profile', 'p', '--server', profiled.address);
    await succeed('config', 'use', 'p');
    const token = `Bearer ct_${parts.id}_${parts.secret}`;
    const hasGoneElsewhere = (): boolean => {
      assert.deepEqual(seen.splice(0), []);
      return elsewhere.splice(0).some(({ headers }) => headers.authorization === token);
    };
    await succeed('queues', 'list', '--credential-file', credential);
    assert.ok(hasGoneElsewhere());
    await runHere(['join', '--join-file', text, '--id', 'robot-2', '--out', join(folder, 'robot-2.json'), ...QUICK]);
    assert.ok(hasGoneElsewhere());
    process.env.CONTACT_PROFILE = 'p';
    await succeed('queues', 'list', '--credential-file', credential);
    assert.ok(hasGoneElsewhere());
    delete process.env.CONTACT_PROFILE;
    process.env.CONTACT_CREDENTIAL_FILE = credential;
    await succeed('queues', 'list');
    assert.ok(hasGoneElsewhere());
    // Where another proof is nearer, the file says nothing, and the profile does.
    await succeed('queues', 'list', '--token', 'bare');
    assert.deepEqual([...new Set(seen.splice(0).map(({ headers }) => headers.authorization))], ['Bearer bare']);
  });

  it('answers 2 to a profile that there is not, and to a file that is none, and says where', async () => {
    await refuse(/no profile "nosuch"; make one: contact config set-profile/, 'queues', 'list', '--profile', 'nosuch');
    await refuse(/say one of: --server, --token-file/, 'config', 'set-profile', 'p');
    await refuse(/--tls-cert and --tls-key go together/, 'config', 'set-profile', 'p', '--tls-cert', 'c');
    mkdirSync(dirname(file), { recursive: true });
    const wrong: [string, RegExp][] = [
      ['{', /config\.json is no JSON/],
      ['[]', /expected an object with `profiles`/],
      ['{"profiles":[]}', /profiles: expected an object/],
      ['{"profiles":{"a b":{}}}', /profiles\.a b: expected a name/],
      ['{"profiles":{"p":{"token":"t"}}}', /profiles\.p: unknown field token; known: server/],
      ['{"profiles":{"p":{"tls":false}}}', /profiles\.p: tls: expected true, or nothing/],
      ['{"profiles":{"p":{"insecure":"yes"}}}', /profiles\.p: insecure: expected true, or nothing/],
      ['{"profiles":{"p":{"tlsCa":"a","tlsPin":"b"}}}', /profiles\.p: --tls-ca or --tls-pin, not both/],
      ['{"profiles":{"p":{"server":5}}}', /profiles\.p: server: expected a text/],
      ['{"profiles":{},"current":"p"}', /current: expected the name of a profile/],
      ['{"profiles":{},"more":1}', /unknown field more/],
      ['{"profiles":{"p":{"server":"nowhere"}},"current":"p"}', /profile p: server: Expected HOST:PORT/],
    ];
    for (const [content, message] of wrong) {
      writeFileSync(file, content);
      await refuse(message, 'queues', 'list', ...QUICK);
    }
  });
});
