import assert from 'node:assert/strict';
import { readdirSync, readFileSync, rmSync, statSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { writeJoinText } from '../../shared/jointext.ts';
import { type Outcome, runHere } from '../scene/command.ts';
import { createFolder } from '../scene/folder.ts';
import { cleanUpProcesses, runContact, type ServerProcess, startContact, startServer } from '../scene/process.ts';
import { until } from '../scene/until.ts';

describe('who gets in, by the command line', function () {
  this.timeout(120_000);
  let folder: string;
  let server: ServerProcess;
  let operator: readonly string[];
  /** All that any command has written beside what it was asked for, and every argument of every process. */
  const seen: string[] = [];
  const secrets: string[] = [];

  before(async () => {
    folder = createFolder();
    server = await startServer({
      store: `sqlite:${join(folder, 'contact.db')}`,
      args: ['--tls', 'auto', '--tls-name', 'localhost', '--resume-window', '5s'],
    });
    operator = ['--server', `unix:${join(folder, 'contact.db.sock')}`];
  });
  after(async () => void (await server?.stop()));
  cleanUpProcesses();

  async function succeed(...args: readonly string[]): Promise<Outcome> {
    const outcome = await runHere(args);
    assert.equal(outcome.code, 0, `${args.join(' ')}: ${outcome.stderr}`);
    seen.push(outcome.stderr);
    return outcome;
  }

  /** The one line that is a secret. */
  async function draw(...args: readonly string[]): Promise<string> {
    const { stdout } = await succeed(...args, ...operator);
    const secret = stdout.trimEnd();
    assert.match(secret, /^c[tj]_\S+$/);
    secrets.push(secret);
    return secret;
  }

  function keep(name: string, text: string): string {
    const path = join(folder, name);
    writeFileSync(path, `${text}\n`, { mode: 0o600 });
    return path;
  }

  async function refuse(code: number, message: RegExp, ...args: readonly string[]): Promise<void> {
    const outcome = await runHere(args);
    seen.push(outcome.stderr);
    assert.match(outcome.stderr, message, args.join(' '));
    assert.deepEqual([outcome.code, outcome.stdout], [code, ''], args.join(' '));
  }

  const fleet = ['--queue', 'robots/{client}', '--client', 'robot-*'];

  it('lets a worker in by a join text, again by its file, and no more once it is revoked', async () => {
    const file = keep(
      'join',
      await draw('join', 'create', ...fleet, '--uses', '2', '--ttl', '1h', '--address', server.address),
    );
    const token = keep(
      'web',
      await draw('token', 'create', '--name', 'web', '--role', 'producer', '--queue', 'robots/*', '--expires', '90d'),
    );
    const pin = JSON.parse(Buffer.from(readFileSync(file, 'utf8').slice(3), 'base64url').toString()).p;
    const enqueue = ['enqueue', 'robots/robot-7', 'hello', '--wait', '--token-file', token, '--tls-pin', pin];
    const state = { XDG_STATE_HOME: join(folder, 'state') };
    const work = ['work', 'robots/robot-7', '--join-file', file, '--id', 'robot-7', '--', 'tr', 'a-z', 'A-Z'];
    const kept = join(folder, 'state', 'contact', 'robot-7.json');
    for (const isFirst of [true, false]) {
      const worker = startContact(work, { env: state });
      assert.equal((await succeed(...enqueue, '--server', server.address)).stdout, 'HELLO');
      assert.equal(statSync(kept).mode & 0o777, 0o600);
      seen.push(readFileSync(`/proc/${worker.pid}/cmdline`, 'utf8'), worker.stderr);
      if (isFirst) {
        rmSync(file);
        seen.push((await worker.stop()).stderr);
        continue;
      }
      const listed = (await succeed('token', 'list', '--json', ...operator)).stdout.trimEnd().split('\n');
      const clients = listed.map((line) => JSON.parse(line)).filter(({ kind }) => kind === 'client');
      assert.deepEqual(
        clients.map(({ client }) => client),
        ['robot-7'],
      );
      assert.equal((await succeed('token', 'revoke', clients[0].id, ...operator)).stdout, `${clients[0].id} revoked\n`);
      const { code, stderr } = await worker.ended;
      assert.equal(code, 1);
      assert.match(stderr, /contact: .*was revoked; an operator has to let this client in anew/);
      seen.push(stderr);
    }
    secrets.push(JSON.parse(readFileSync(kept, 'utf8')).secret);
  });

  it('enrols without working, and says who one is', async () => {
    const text = await draw(
      'join',
      'create',
      ...fleet,
      '--role',
      'worker',
      '--role',
      'producer',
      '--lifetime',
      '30d',
      '--address',
      server.address,
    );
    const out = join(folder, 'robot-8.json');
    const { code, stdout, stderr } = await runContact(['join', '--join-file', '-', '--id', 'robot-8', '--out', out], {
      stdin: text,
    });
    assert.deepEqual([code, stdout], [0, `enrolled as robot-8, kept in ${out}\n`], stderr);
    assert.equal(statSync(out).mode & 0o777, 0o600);
    const { principal, client, rights } = JSON.parse(
      (await succeed('whoami', '--credential-file', out, '--json')).stdout,
    );
    assert.deepEqual([principal, client, rights.queues], ['client:robot-8', 'robot-8', ['robots/robot-8']]);
    assert.match((await succeed('whoami', '--credential-file', out)).stdout, /^principal: +client:robot-8\n/);
    await succeed('enqueue', 'robots/robot-8', 'x', '--credential-file', out);
    await refuse(1, /sms/, 'enqueue', 'sms', 'x', '--credential-file', out);
    assert.match((await succeed('whoami', ...operator)).stdout, /^principal: +operator\nknown by: +local\n/);
  });

  it('keeps a worker out of the client id of another, which says so, until an operator has it free', async () => {
    const ca = join(folder, 'contact.db.ca.pem');
    const workAs = async (name: string) => {
      const rights = ['--role', 'worker', '--queue', 'q', '--client', 'box'];
      const token = keep(name, await draw('token', 'create', '--name', name, ...rights));
      const target = ['--server', server.address, '--tls-ca', ca, '--token-file', token];
      return startContact(['work', 'q', '--id', 'box', ...target, '--', 'cat']);
    };
    const isHere = (name: string) =>
      until(`${name} is here`, async () => {
        const { code, stdout } = await runHere(['clients', 'show', 'box', ...operator]);
        return code === 0 && /^state: +connected/m.test(stdout) && stdout.includes(`token:${name}`);
      });
    const first = await workAs('first');
    await isHere('first');
    const second = await workAs('second');
    const said = /box is the client of another principal: .*contact clients forget box; next try in/;
    await until('the second says why it waits', () => said.test(second.stderr));
    await refuse(1, /box is connected/, 'clients', 'forget', 'box', ...operator);
    await first.stop();
    assert.equal((await succeed('clients', 'forget', 'box', ...operator)).stdout, 'box forgotten\n');
    await isHere('second');
    await second.stop();
    await succeed('clients', 'forget', 'box', '--json', ...operator);
    await refuse(1, /no client box/, 'clients', 'forget', 'box', ...operator);
  });

  it('answers 1 to who is not let in, and says what is missing', async () => {
    const make = (...more: string[]) => draw('join', 'create', ...fleet, '--address', server.address, ...more);
    const enrol = (file: string, id: string) => [
      'join',
      '--join-file',
      file,
      '--id',
      id,
      '--out',
      join(folder, `${id}-x`),
    ];
    const once = keep('once', await make());
    await refuse(1, /this join is not for printer-1/, ...enrol(once, 'printer-1'));
    await succeed(...enrol(once, 'robot-20'));
    await refuse(1, /let in as many clients as it may/, ...enrol(once, 'robot-21'));
    const short = keep('short', await make('--ttl', '1s'));
    await until(async () => /expired/.test((await runHere(['token', 'list', ...operator])).stdout));
    await refuse(1, /has expired; .*contact join create/, ...enrol(short, 'robot-22'));
    const { a: addresses, i: id, s: secret } = JSON.parse(Buffer.from((await make()).slice(3), 'base64url').toString());
    const wrong = keep('wrong', writeJoinText({ addresses, pin: 'A'.repeat(43), id, secret }));
    await refuse(3, /another authority than the pinned one/, ...enrol(wrong, 'robot-23'), '--connect-timeout', '500ms');
    await refuse(2, /expected a join text|no join text/, ...enrol(join(folder, 'nosuch'), 'robot-24'));
    await refuse(2, /--join-file goes with --id/, 'work', 'q', '--join-file', once, '--', 'cat');
    await refuse(2, /missing --join-file/, 'join', '--id', 'robot-25');
    await refuse(2, /missing --client/, 'join', 'create', '--queue', 'q', ...operator);
    await refuse(2, /--queue, --call or --serve/, 'join', 'create', '--client', 'a', ...operator);
    await refuse(2, /missing --role/, 'token', 'create', '--name', 'n', ...operator);
    await refuse(2, /say what it may do/, 'token', 'create', '--name', 'n', '--role', 'producer', ...operator);
    await refuse(
      2,
      /a worker needs --client/,
      'token',
      'create',
      '--name',
      'n',
      '--role',
      'worker',
      '--queue',
      'q',
      ...operator,
    );
    await refuse(1, /no credential 0{16}/, 'token', 'revoke', '0'.repeat(16), ...operator);
    await refuse(2, /got 4 characters|16 of/, 'token', 'revoke', 'xyzw', ...operator);
  });

  it('rotates a token, after which the one before is worth nothing', async () => {
    const file = keep('ops', await draw('token', 'create', '--name', 'ops', '--role', 'operator'));
    const ca = ['--server', server.address, '--tls-ca', findAuthority()];
    const { credential } = JSON.parse((await succeed('whoami', '--json', '--token-file', file, ...ca)).stdout);
    const next = keep('next', await draw('token', 'rotate', credential, '--overlap', '0s'));
    await refuse(1, /has expired; an operator has to give another one/, 'queues', 'list', '--token-file', file, ...ca);
    await succeed('queues', 'list', '--token-file', next, ...ca);
    const { stdout } = await succeed('token', 'list', '--token-file', next, ...ca);
    assert.match(stdout, /^id +kind +name +roles +queues +clients +made by +made with +used +state\n/);
    assert.match(stdout, /token +ops +operator +\* +\* +.*expired\n/);
  });

  it('has told no secret to anybody but its reader', async () => {
    seen.push(server.stderr, server.stdout, readFileSync(`/proc/${server.pid}/cmdline`, 'utf8'));
    const told = seen.join('\n');
    assert.ok(secrets.length >= 5 && told.length > 100);
    for (const secret of secrets) {
      const part = secret.slice(-20);
      assert.ok(!told.includes(part), `${secret.slice(0, 8)}… was told`);
    }
  });

  function findAuthority(): string {
    const name = readdirSync(folder).find((one) => one.startsWith('contact.db') && /ca.*(pem|crt)$/.test(one));
    assert.ok(name, readdirSync(folder).join(' '));
    return join(folder, name);
  }
});
