import { chownSync, readFileSync } from 'node:fs';

export interface Account {
  readonly uid: number;
  readonly gid: number;
}

/** Who runs a server that refuses to be root: the first of these accounts, `nobody` at last. Not root: ourselves. */
export function findAccount(...names: readonly string[]): Account | undefined {
  if (process.getuid?.() !== 0) return undefined;
  const accounts = readFileSync('/etc/passwd', 'utf8')
    .split('\n')
    .map((line) => line.split(':'));
  const found = [...names, 'nobody'].map((name) => accounts.find(([known]) => known === name)).find((entry) => entry);
  return found && { uid: Number(found[2]), gid: Number(found[3]) };
}

/** Gives a folder to the account, if there is one. */
export function handOver(folder: string, account: Account | undefined): void {
  if (account) chownSync(folder, account.uid, account.gid);
}
