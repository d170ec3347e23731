import { spawn } from 'node:child_process';

/** A browser here reaches a server that listens at every address of the machine by this one. */
const HERE: ReadonlyMap<string, string> = new Map([
  ['0.0.0.0', '127.0.0.1'],
  ['[::]', '[::1]'],
]);

/** Where a browser on this machine finds the dashboard of a server; undefined: it has no address of HOST:PORT. */
export function pageOf(addresses: readonly string[], isEncrypted: boolean): string | undefined {
  const address = addresses.find((one) => !one.startsWith('unix:'));
  if (address === undefined) return undefined;
  const [, host = '', port = ''] = /^(.*):(\d+)$/.exec(address) ?? [];
  return `http${isEncrypted ? 's' : ''}://${HERE.get(host) ?? host}:${port}/`;
}

const OPENERS: Readonly<Partial<Record<NodeJS.Platform, readonly [program: string, ...args: string[]]>>> = {
  darwin: ['open'],
  // The empty argument is the title of a window, which the first one that is quoted would be.
  win32: ['cmd', '/c', 'start', '""'],
};

/** Shows an address in the browser of whoever is at this machine. Rejects if there is nothing that would. */
export async function openPage(url: string): Promise<void> {
  const [program, ...args] = OPENERS[process.platform] ?? ['xdg-open'];
  const child = spawn(program, [...args, url], { stdio: 'ignore', detached: true });
  await new Promise<void>((resolve, reject) => child.once('spawn', resolve).once('error', reject));
  child.unref();
}
