import { spawnSync } from 'node:child_process';
import { mkdirSync } from 'node:fs';
import { join } from 'node:path';
import { findFreePort, spawnProgram } from '../spawn.ts';
import type { RunningServer } from '../system.ts';
import { findAccount, handOver } from './account.ts';
import { findProgram, loadClient } from './client.ts';
import { untilListening } from './port.ts';

export interface PgPool {
  query(sql: string): Promise<{ rows: Record<string, unknown>[] }>;
  end(): Promise<void>;
}

interface Pg {
  readonly default: { readonly Pool: new (options: object) => PgPool };
}

export async function openPool(connectionString: string, max: number): Promise<PgPool> {
  const { default: pg } = await loadClient<Pg>('pg');
  return new pg.Pool({ connectionString, max });
}

/** As it has to be for an acknowledgement to mean anything; these are PostgreSQL's own defaults. */
const DURABLE = ['fsync', 'synchronous_commit', 'full_page_writes'];

/** A PostgreSQL of our own, with its defaults, whose durable settings were read back. The address is a URL. */
export async function startPostgres(folder: string): Promise<RunningServer> {
  const data = join(folder, 'data');
  mkdirSync(data, { mode: 0o700 });
  const account = findAccount('postgres');
  handOver(data, account);
  const initdb = ['-D', data, '-U', 'bench', '-A', 'trust', '--encoding=UTF8', '--locale=C', '--no-instructions'];
  const made = spawnSync(findProgram('initdb')!, initdb, { ...account, cwd: folder, encoding: 'utf8' });
  if (made.status !== 0) throw new Error(`initdb: ${made.stderr}`);
  const port = await findFreePort();
  const args = ['-D', data, '-p', String(port), '-c', 'listen_addresses=127.0.0.1', '-c', 'unix_socket_directories='];
  const server = spawnProgram(findProgram('postgres')!, args, { ...account, folder });
  const address = `postgres://bench@127.0.0.1:${port}/postgres`;
  try {
    await server.waitFor(/ready to accept connections/);
    await untilListening(port);
    const pool = await openPool(address, 1);
    const settings = new Map<string, unknown>();
    for (const name of ['server_version', ...DURABLE]) {
      settings.set(name, (await pool.query(`SHOW ${name}`)).rows[0]?.[name]);
    }
    await pool.end();
    const wrong = DURABLE.find((name) => settings.get(name) !== 'on');
    if (wrong !== undefined) throw new Error(`PostgreSQL has ${wrong} ${settings.get(wrong)}`);
    const note = `PostgreSQL ${settings.get('server_version')}, ${DURABLE.join(', ')} on`;
    // At once, and its shared memory goes too.
    return { address, pids: [server.pid], note, stop: () => server.stop('SIGQUIT') };
  } catch (error) {
    await server.stop('SIGQUIT');
    throw error;
  }
}
