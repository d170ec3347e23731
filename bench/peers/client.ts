import { existsSync } from 'node:fs';
import { delimiter, join } from 'node:path';

// Stands in this folder so that packages are found in its node_modules.

/** A package of this folder's package.json; `T` says as much of its types as is used. */
export async function loadClient<T>(name: string): Promise<T> {
  return (await import(name)) as T;
}

/** Where Debian has programs that are not on everybody's path; replaceable, so that a test can have none of them. */
const FOLDERS = process.env.CONTACT_BENCH_FOLDERS?.split(delimiter) ?? [
  '/usr/sbin',
  '/usr/lib/rabbitmq/bin',
  ...[18, 17, 16, 15].map((version) => `/usr/lib/postgresql/${version}/bin`),
];

/** The path of an installed program; undefined: there is none. */
export function findProgram(name: string): string | undefined {
  const folders = [...(process.env.PATH ?? '').split(delimiter), ...FOLDERS];
  return folders.map((folder) => join(folder, name)).find((path) => existsSync(path));
}

/** Why a peer cannot run here; null: it can. */
export function missingPeer(program: string, debian: string, clients: readonly string[]): string | null {
  if (findProgram(program) === undefined) return `no ${program}; apt-get install ${debian}`;
  const absent = clients.find((name) => !existsSync(join(import.meta.dirname, 'node_modules', name)));
  return absent === undefined ? null : `no ${absent}; (cd bench/peers && npm ci)`;
}
