import { randomBytes } from 'node:crypto';
import {
  accessSync,
  type BigIntStats,
  chmodSync,
  constants,
  linkSync,
  lstatSync,
  mkdirSync,
  renameSync,
  rmSync,
  statSync,
  unlinkSync,
} from 'node:fs';
import { connect } from 'node:net';
import { dirname, join, resolve } from 'node:path';
import { MAX_SOCKET_PATH_BYTES } from '../../shared/address.ts';
import { ContactError, invalid } from '../../shared/errors.ts';

/** What a socket is called in the folder where it is born. */
const DRAFT = 's';

/**
 * The name of a socket in the file system. The socket is bound under another name, in a folder that this user alone may
 * enter, and has its own only once it is ready: so nobody reaches it with the permissions that it is born with, or takes
 * it for a dead one because it does not listen yet; and libuv, which removes a socket by the name it was bound under
 * whatever stands there by then, finds nothing.
 */
export interface SocketFile {
  /** The name under which the socket is to be bound. */
  readonly draft: string;
  /** Gives the listening socket its name, for this user alone. FAILED_PRECONDITION: another one has it meanwhile. */
  publish(): void;
  /** Removes it, published or not, unless something else has its name by now. */
  remove(): void;
}

/** Throws what keeps a socket from having this name, but for a living server that has it: INVALID_ARGUMENT, FAILED_PRECONDITION. */
export function checkSocketFile(given: string): void {
  const path = resolve(given);
  if (Buffer.byteLength(join(nameBeside(given), DRAFT)) > MAX_SOCKET_PATH_BYTES) {
    throw invalid('listen', `the folder of ${given} has too long a name for a socket`);
  }
  if (!statSync(dirname(path), { throwIfNoEntry: false })?.isDirectory()) {
    throw refused(`there is no folder for ${path}`);
  }
  try {
    accessSync(dirname(path), constants.W_OK | constants.X_OK);
  } catch (error) {
    throw refused(`${path} cannot be made: ${(error as NodeJS.ErrnoException).code}`);
  }
  checkKind(path, look(path));
}

/**
 * Takes the name for a socket; a socket whose process is dead is removed.
 * FAILED_PRECONDITION: something else has the name, a living server or what is not a socket.
 */
export async function claimSocketFile(given: string): Promise<SocketFile> {
  // Resolved now, since the process may be in another folder when it ends.
  const path = resolve(given);
  const folder = nameBeside(given);
  const draft = join(folder, DRAFT);
  checkSocketFile(given);
  await removeDead(path);
  let own: BigIntStats | undefined;
  makeFolder(folder, path);
  return {
    draft,
    publish() {
      try {
        chmodSync(draft, 0o600);
        own = lstatSync(draft, { bigint: true });
        nameSocket(draft, path);
      } catch (error) {
        own = undefined;
        throw error;
      } finally {
        rmSync(folder, { recursive: true, force: true });
      }
    },
    remove() {
      rmSync(folder, { recursive: true, force: true });
      if (own && isSame(own, look(path))) unlinkSync(path);
      own = undefined;
    },
  };
}

/** A folder that this user alone may enter: a mask of the process only takes away. */
function makeFolder(folder: string, path: string): void {
  try {
    mkdirSync(folder, { mode: 0o700 });
  } catch (error) {
    throw refused(`${path} cannot be made: ${(error as NodeJS.ErrnoException).code}`);
  }
}

/** The name of a hidden file in the same folder that nobody else has or looks for. */
function nameBeside(path: string): string {
  return join(dirname(path), `.${randomBytes(4).toString('hex')}`);
}

function nameSocket(draft: string, path: string): void {
  try {
    // A link is refused where a name is taken, which a renaming would take away.
    linkSync(draft, path);
    unlinkSync(draft);
  } catch (error) {
    // Some file systems have no links.
    if ((error as NodeJS.ErrnoException).code === 'EEXIST' || look(path)) throw inUse(path);
    renameSync(draft, path);
  }
}

function checkKind(path: string, found: BigIntStats | undefined): void {
  if (!found || found.isSocket()) return;
  const kind = found.isSymbolicLink() ? 'a symbolic link' : found.isDirectory() ? 'a folder' : 'a file';
  throw refused(`${path} is ${kind}, not a socket; it is left alone`);
}

async function removeDead(path: string): Promise<void> {
  const found = look(path);
  if (!found) return;
  checkKind(path, found);
  if (await isAlive(path)) throw inUse(path);
  // Of two servers that find the same dead socket one may have put its own there meanwhile: what was taken away is
  // looked at once more under a name that nobody else uses.
  const aside = nameBeside(path);
  try {
    renameSync(path, aside);
  } catch (error) {
    if ((error as NodeJS.ErrnoException).code === 'ENOENT') return;
    throw error;
  }
  const taken = look(aside);
  // The number of a dead socket may be given to the next one at once, its time of birth is its own.
  if (!isSame(found, taken) || found.mtimeNs !== taken?.mtimeNs) {
    nameSocket(aside, path);
    throw inUse(path);
  }
  unlinkSync(aside);
}

/** Whether somebody listens, also one who is too busy to accept. */
function isAlive(path: string): Promise<boolean> {
  return new Promise((answer, reject) => {
    const socket = connect({ path });
    socket.once('connect', () => {
      socket.destroy();
      answer(true);
    });
    socket.once('error', (error: NodeJS.ErrnoException) => {
      if (error.code === 'ECONNREFUSED' || error.code === 'ENOENT') answer(false);
      else if (error.code === 'EAGAIN') answer(true);
      else reject(refused(`${path} cannot be looked at: ${error.message}`));
    });
  });
}

function look(path: string): BigIntStats | undefined {
  return lstatSync(path, { bigint: true, throwIfNoEntry: false });
}

function isSame(one: BigIntStats, other: BigIntStats | undefined): boolean {
  return one.dev === other?.dev && one.ino === other.ino;
}

function inUse(path: string): ContactError {
  return refused(`another process listens on ${path}`);
}

function refused(problem: string): ContactError {
  return new ContactError('FAILED_PRECONDITION', problem, { field: 'listen' });
}
