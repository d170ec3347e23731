import type { Clock } from '../../shared/clock.ts';
import { ContactError, invalid } from '../../shared/errors.ts';
import { type JoinText, readJoinText } from '../../shared/jointext.ts';
import { holdsOwnCredential } from '../../shared/redact.ts';
import type { Credential, CredentialContext, Lifetime } from './credential.ts';
import {
  createCredentialFile,
  type KeptCredential,
  type ReadCredential,
  readCredentialFile,
  replaceCredentialFile,
} from './credentialfile.ts';
import { withFileLock } from './filelock.ts';
import { drawSecret, writeToken } from './secret.ts';
import { readSecretFile } from './secretfile.ts';

export interface EnrolledOptions {
  /** A join text, or the path of a file that holds one; needed until the client has enrolled. */
  readonly join: string | undefined;
  /** Of the credential file. */
  readonly path: string;
  /** Whom to enrol as; undefined: as the file says. */
  readonly clientId: string | undefined;
}

/** Of its life a credential is renewed after this share. */
const RENEWAL_SHARE = 2 / 3;
/** Of what is then left of it, the share after which a renewal that failed is tried again. */
const RETRY_SHARE = 0.1;
/** A clock that was set back by no more than this part of a life is of no account. */
const CLOCK_SHARE = 0.1;
const MIN_RETRY_MS = 1_000;
const MAX_RETRY_MS = 3_600_000;

/**
 * A client that has enrolled, or will over its first connection. Its secret is drawn here and is in the file before the
 * server hears of it, so that whoever is cut off goes on with the same one: what was asked twice is one credential.
 * @throws ContactError INVALID_ARGUMENT naming the option that is wrong
 */
export function openEnrolled(options: EnrolledOptions, { clock, warn }: CredentialContext): Credential {
  const { path } = options;
  const { read, join } = openFile(options, warn);
  let { kept } = read;
  let { stamp } = read.file;
  /** Monotonic, when a renewal that failed is tried again. */
  let retryAt: number | undefined;

  /** Takes what another process, or another object of this one, has written. */
  function reread(): void {
    const latest = readCredentialFile(path);
    if (!latest || latest.file.stamp === stamp) return;
    ({ stamp } = latest.file);
    ({ kept } = latest);
  }

  function write(next: KeptCredential): void {
    try {
      replaceCredentialFile(path, next);
    } catch (error) {
      throw blameFile(error);
    }
    retryAt = undefined;
    reread();
  }

  function refresh(): void {
    try {
      reread();
    } catch (error) {
      warn(`${(error as Error).message}; going on with the credential that was read before`);
    }
  }

  async function renewOnce(ask: Parameters<Credential['renew']>[0]): Promise<void> {
    const { id } = kept;
    reread();
    if (kept.id !== id) {
      retryAt = undefined;
      return;
    }
    if (!kept.next) write({ ...kept, next: drawSecret() });
    const { next = drawSecret(), renewAt: _, expiresAt: _before, ...current } = kept;
    const lifetime = await ask({ secret: next });
    write({ ...current, ...next, ...planRenewal(clock, lifetime) });
  }

  return {
    target: join ?? kept,
    clientId: kept.clientId,
    get token() {
      return writeToken(kept);
    },
    get isReady() {
      return kept.isEnrolled;
    },
    get renewAt() {
      return retryAt === undefined ? dueAt(kept, clock.now()) : clock.now() + retryAt - clock.monotonic();
    },
    refresh,
    async enrol(ask) {
      refresh();
      if (kept.isEnrolled || !join) return;
      const { addresses, pin } = join;
      const lifetime = await ask({ token: writeToken(join), clientId: kept.clientId, secret: kept });
      write({ ...kept, addresses, pin, isEnrolled: true, ...planRenewal(clock, lifetime) });
    },
    async renew(ask) {
      try {
        await withFileLock(`${path}.lock`, clock, () => renewOnce(ask));
      } catch (error) {
        const leftMs = (kept.expiresAt ?? 0) - clock.now();
        retryAt = clock.monotonic() + Math.min(Math.max(RETRY_SHARE * leftMs, MIN_RETRY_MS), MAX_RETRY_MS);
        throw blameFile(error);
      }
    },
    hasOther(refused) {
      refresh();
      if (writeToken(kept) !== refused) return true;
      const { next, ...rest } = kept;
      if (!next) return false;
      // The answer to its renewal was lost, and what was in force before has expired meanwhile.
      write({ ...rest, ...next });
      return true;
    },
  };
}

/** What the file system says, as the fault of an option. */
function blameFile(error: unknown): ContactError {
  if (error instanceof ContactError || !(error instanceof Error) || 'metadata' in error)
    return ContactError.from(error);
  return new ContactError('FAILED_PRECONDITION', error.message, { field: 'credentialFile', cause: error });
}

/**
 * When it is to be renewed; at once where that is further away than it can be, for it was written while the clock ran ahead.
 * What is left of a life then is the rest of its share, so that much says how long the life is.
 */
function dueAt({ renewAt, expiresAt }: KeptCredential, now: number): number {
  if (renewAt === undefined) return Number.POSITIVE_INFINITY;
  const lifetimeMs = ((expiresAt ?? Number.POSITIVE_INFINITY) - renewAt) / (1 - RENEWAL_SHARE);
  return renewAt - now > (RENEWAL_SHARE + CLOCK_SHARE) * lifetimeMs ? now : renewAt;
}

/** By the clock of this machine alone: that of the server may show another time. */
function planRenewal(clock: Clock, { lifetimeMs }: Lifetime): Pick<KeptCredential, 'renewAt' | 'expiresAt'> {
  if (lifetimeMs === undefined) return {};
  const now = clock.now();
  return { renewAt: Math.round(now + RENEWAL_SHARE * lifetimeMs), expiresAt: now + lifetimeMs };
}

interface Opened {
  readonly read: ReadCredential;
  /** Undefined: the client has enrolled already. */
  readonly join: JoinText | undefined;
}

function openFile({ join, path, clientId }: EnrolledOptions, warn: (line: string) => void): Opened {
  const before = readCredentialFile(path);
  if (before?.file.exposure !== undefined) warn(`credentialFile: ${before.file.exposure}`);
  if (before && clientId !== undefined && before.kept.clientId !== clientId)
    throw invalid('credentialFile', `${path} is that of client ${before.kept.clientId}, and not of ${clientId}`);
  if (before?.kept.isEnrolled) {
    checkServer(path, before.kept, join, warn);
    return { read: before, join: undefined };
  }
  if (join === undefined) {
    const problem = before ? 'was not enrolled to its end' : 'is not there';
    throw invalid('credentialFile', `${path} ${problem}: join is needed, the text that lets this client in`);
  }
  const text = readJoin(join, warn);
  const { addresses, pin } = text;
  const draw = (id: string): KeptCredential => ({ ...drawSecret(), isEnrolled: false, clientId: id, addresses, pin });
  if (before) {
    // What was drawn for one server may be known there, and is not shown to another.
    const read = isOfServer(before.kept, text) ? before : replaceFile(path, draw(before.kept.clientId));
    return { read, join: text };
  }
  if (clientId === undefined) throw invalid('joinAs', 'expected the client id to enrol as');
  return { read: createFile(path, draw(clientId)), join: text };
}

/** A join text that still can be read must not be for another server than the credential that is there. */
function checkServer(path: string, kept: KeptCredential, join: string | undefined, warn: (line: string) => void): void {
  let text: JoinText;
  try {
    if (join === undefined) return;
    text = readJoin(join, warn);
  } catch {
    // It has done what it was for, and may be gone.
    return;
  }
  if (isOfServer(kept, text)) return;
  const why = isAtOne(kept, text)
    ? 'is for another authority than the join text has pinned: its server has a new one, or it is another server. Where ' +
      'the server is the same, have an operator revoke what the client has, and move the file away to enrol anew'
    : 'is for another server than the join text: give another file';
  throw invalid('credentialFile', `${path} ${why}`);
}

/** Whether what is kept is of the server that a join text is for: by its pin, or where there is none by an address. */
function isOfServer(kept: KeptCredential, text: JoinText): boolean {
  return text.pin === '' ? isAtOne(kept, text) : text.pin === kept.pin;
}

function isAtOne(kept: KeptCredential, text: JoinText): boolean {
  return text.addresses.some((one) => kept.addresses.includes(one));
}

function replaceFile(path: string, draft: KeptCredential): ReadCredential {
  try {
    replaceCredentialFile(path, draft);
  } catch (error) {
    throw invalid('credentialFile', (error as Error).message);
  }
  return readCredentialFile(path)!;
}

/** The file as it is there then: another process may have been faster. */
function createFile(path: string, draft: KeptCredential): ReadCredential {
  try {
    createCredentialFile(path, draft);
  } catch (error) {
    throw invalid('credentialFile', (error as Error).message);
  }
  const read = readCredentialFile(path);
  if (read?.kept.clientId === draft.clientId) return read;
  throw invalid('credentialFile', `${path} is another client's`);
}

function readJoin(given: string, warn: (line: string) => void): JoinText {
  // Whatever may be a secret is read as one, and not looked for in the file system, which would name it in an error.
  if (holdsOwnCredential(given) || /^["'`“\s]*c[jt]_/.test(given)) return readJoinText(given);
  let text: string;
  try {
    const file = readSecretFile(given);
    if (file.exposure !== undefined) warn(`what is given as join: ${file.exposure}`);
    ({ text } = file);
  } catch (error) {
    // What is meant as a text and is cut off must not be shown as if it were a path.
    const why =
      error instanceof ContactError ? error.problem.replace(given, 'it') : (error as NodeJS.ErrnoException).code;
    throw invalid('join', `it is no join text (cj_…), and as the path of a file it cannot be read (${why})`);
  }
  return readJoinText(text);
}
