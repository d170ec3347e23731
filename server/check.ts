import { closeSync, openSync, readSync } from 'node:fs';
import net from 'node:net';
import type { Address } from '../shared/address.ts';
import { ContactError } from '../shared/errors.ts';
import type { AnyRow } from './config/row.ts';
import { SERVER_ROWS, type ServerOptions } from './config/table.ts';
import { checkTls } from './encryption.ts';
import { readListen, resolveOptions } from './options.ts';
import { probeStore } from './store/open.ts';

/** Something about the options of a server that cannot be as it is. */
export interface Finding {
  /** The option that it is about; undefined: it is about several. */
  readonly option: keyof ServerOptions | undefined;
  readonly problem: string;
}

/**
 * What would keep a server from starting with these options, without starting one: values, files that are to be read,
 * the store and the addresses. Nothing is changed, and a server may run meanwhile: what it has in use is no fault.
 */
export async function checkOptions(given: Partial<ServerOptions>): Promise<readonly Finding[]> {
  let options: ServerOptions;
  let addresses: readonly Address[];
  try {
    options = resolveOptions(given);
    addresses = readListen(options.listen);
  } catch (error) {
    return [{ option: undefined, problem: messageOf(error) }];
  }
  const findings: Finding[] = [];
  const unsafe = findFault(() => checkTls(options, addresses));
  if (unsafe !== undefined) findings.push({ option: undefined, problem: unsafe });
  for (const [name, row] of Object.entries<AnyRow>(SERVER_ROWS)) {
    const option = name as keyof ServerOptions;
    for (const path of row.kind.isFile ? row.kind.write(options[option]) : []) {
      const problem = findFault(() => readOneByte(path));
      if (problem !== undefined) findings.push({ option, problem: `${path} cannot be read: ${problem}` });
    }
  }
  const problem = findFault(() => probeStore(options.store));
  if (problem !== undefined) findings.push({ option: 'store', problem: problem.replace(/^store: /, '') });
  for (const address of addresses) {
    const fault = address.kind === 'port' ? await tryToBind(address) : undefined;
    if (fault !== undefined) findings.push({ option: 'listen', problem: fault });
  }
  return findings;
}

function findFault(look: () => void): string | undefined {
  try {
    look();
    return undefined;
  } catch (error) {
    return messageOf(error);
  }
}

function messageOf(error: unknown): string {
  return error instanceof ContactError ? error.message : ((error as NodeJS.ErrnoException).code ?? String(error));
}

function readOneByte(path: string): void {
  const fd = openSync(path, 'r');
  try {
    readSync(fd, Buffer.alloc(1));
  } finally {
    closeSync(fd);
  }
}

/** Binds the address and lets it go. An address in use is that of the server that runs, as a rule. */
function tryToBind({ host, port }: Address & { readonly kind: 'port' }): Promise<string | undefined> {
  const server = net.createServer();
  return new Promise((resolve) => {
    server.once('error', ({ code, message }: NodeJS.ErrnoException) =>
      resolve(code === 'EADDRINUSE' ? undefined : message),
    );
    server.listen({ host, port, exclusive: true }, () => server.close(() => resolve(undefined)));
  });
}
