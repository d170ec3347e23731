import assert from 'node:assert/strict';
import { writeFileSync } from 'node:fs';
import { join } from 'node:path';
import type { JsonRuns } from './jsonlines.ts';
import { startContact } from './process.ts';
import { createTestAuthority } from './tlsfiles.ts';
import { until } from './until.ts';

/** A server with TLS that asks who calls, its store in `closed.db` of a folder. */
export interface ClosedServer {
  readonly folder: string;
  /** HOST:PORT. */
  readonly server: string;
}

/** Every command about credentials, with each kind of them. */
export async function showCredentials({ run, one }: JsonRuns, { folder, server }: ClosedServer): Promise<void> {
  const socket = ['--server', `unix:${join(folder, 'closed.db.sock')}`];
  const rights = ['--role', 'operator', '--role', 'producer'];
  const made = await one('token create', ['--name', 'ops', ...rights, '--expires', '90d'], socket);
  const file = join(folder, 'ops.token');
  writeFileSync(file, `${made.token}\n`, { mode: 0o600 });
  const ca = ['--tls-ca', join(folder, 'closed.db.ca.pem')];
  const line = ['--server', server, ...ca, '--token-file', file];
  assert.equal((await one('whoami', [], line)).credential, made.id);
  const fleet = ['--queue', 'robots/{client}', '--client', 'robot-*', '--uses', '3', '--address', server];
  const { join: text } = await one('join create', fleet, line);
  const joinFile = join(folder, 'join.txt');
  writeFileSync(joinFile, `${text}\n`, { mode: 0o600 });
  const kept = join(folder, 'robot-7.json');
  const enrolled = await one('join', ['--join-file', joinFile, '--id', 'robot-7', '--out', kept], []);
  assert.deepEqual([enrolled.client, enrolled.principal], ['robot-7', 'client:robot-7']);
  await one('whoami', [], ['--credential-file', kept]);
  await one('token create', ['--name', 'web', '--role', 'observer', '--queue', '*'], line);
  const work = ['work', 'robots/robot-7', '--id', 'robot-7', '--credential-file', kept, '--', 'true'];
  const worker = startContact(work);
  const isThere = ({ client }: Record<string, unknown>): boolean => client === 'robot-7';
  await until(async () => (await run('clients list', [], socket)).lines.some(isThere));
  assert.equal((await one('clients show', ['robot-7'], socket)).principal, 'client:robot-7');
  await worker.stop();
  await one('token rotate', [String(made.id), '--overlap', '1h'], line);
  const robot = (await run('token list', [], line)).lines.find(({ kind }) => kind === 'client');
  await one('token revoke', [String(robot!.id)], line);
  await run('token list', [], line);
  await run('acts', [], line);
  await one('top', [], line);
  await one('top', [], socket);
}

/** Every command about profiles, which are kept below the folder. */
export async function showProfiles({ run, one }: JsonRuns, folder: string): Promise<void> {
  const before = process.env.XDG_CONFIG_HOME;
  process.env.XDG_CONFIG_HOME = join(folder, 'config');
  try {
    const server = ['--server', 'tasks.example.org:443'];
    const files = ['--token-file', 'a', '--tls-cert', 'c', '--tls-key', 'k'];
    await one('config set-profile', ['here', ...server, ...files, '--tls-ca', 'b', '--tls'], []);
    await one('config set-profile', ['pinned', '--tls-pin', 'A'.repeat(43), '--tls-server-name', 'x.example'], []);
    await one('config set-profile', ['open', '--credential-file', 'd', '--insecure'], []);
    await one('config use', ['here'], []);
    await run('config list', [], []);
    await one('config show', [], []);
    await one('config delete-profile', ['open'], []);
  } finally {
    if (before === undefined) delete process.env.XDG_CONFIG_HOME;
    else process.env.XDG_CONFIG_HOME = before;
  }
}

/** A flag for authorities of clients of which there is something to say: one is there twice. */
export function writeOddAuthorities(folder: string): readonly string[] {
  const file = join(folder, 'clients.pem');
  const { cert } = createTestAuthority();
  writeFileSync(file, Buffer.concat([cert, cert]));
  return ['--tls-client-ca', file];
}
