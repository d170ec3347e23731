import { setTimeout as sleep } from 'node:timers/promises';
import { type Admin, createAdmin } from '../client/admin.ts';
import { type ConnectionOptions, silentLogger } from '../client/options.ts';
import { describeTrouble, isFault } from '../client/trouble.ts';
import { isLocal, readAddress } from '../shared/address.ts';
import { ContactError } from '../shared/errors.ts';
import { CommandFailure, EXIT, usageError } from './exit.ts';
import { inFlags } from './flags.ts';
import { readSecretInput } from './stdin.ts';
import type { TargetOptions } from './target.ts';
import { readTls } from './tls.ts';

export type ServerInfo = Awaited<ReturnType<Admin['serverInfo']>>;

const FIRST_PAUSE_MS = 50;
const MAX_PAUSE_MS = 1_000;
const MAX_ASK_MS = 10_000;
/** A server that is starting answers sooner than that; whoever waits longer is told what for. */
const QUIET_MS = 2_000;

/** What the SDK needs, from the flags; files are read here, so that a wrong path is a usage error. */
export function readConnection(options: TargetOptions, say: (line: string) => void): ConnectionOptions {
  const { tls: isEncrypted, tlsCa: ca, tlsCert: cert, tlsKey: key, tlsServerName: serverName, tlsPin: pin } = options;
  const tls = readTls({ tls: isEncrypted, ca, pin, cert, key, serverName }, '--tls');
  checkWay(options, tls !== undefined);
  const { joinFile, credentialFile } = options;
  return {
    ...(options.server === undefined ? {} : { server: options.server }),
    ...(credentialFile === undefined ? {} : { credentialFile }),
    ...(joinFile === undefined ? {} : { join: joinFile === '-' ? readSecretInput('--join-file') : joinFile }),
    ...(joinFile === undefined || options.id === undefined ? {} : { joinAs: options.id }),
    logger: { info: (line) => say(inFlags(line)), warn: (line) => say(inFlags(line)) },
    ...(options.keepalive === undefined ? {} : { keepaliveMs: options.keepalive }),
    ...(options.token ? { token: options.token } : {}),
    ...(options.tokenFile ? { tokenFile: options.tokenFile } : {}),
    ...(options.insecure ? { insecure: true } : {}),
    ...(tls && { tls }),
  };
}

/** A token goes to another machine by TLS, or because its user wants that. */
function checkWay({ server, token, tokenFile, insecure }: TargetOptions, isEncrypted: boolean): void {
  if (!(token || tokenFile) || isEncrypted || insecure || server === undefined) return;
  const address = readAddress(server);
  if (address && isLocal(address)) return;
  throw usageError(
    `the token would be sent to ${server} where others can read it: give --tls, --tls-ca or --tls-pin, or --insecure`,
  );
}

/**
 * Waits until the server answers, so that a command started together with its server just works; what is in the way is
 * told once, after two seconds. Null: the server answers, but will not tell about itself.
 * @throws CommandFailure with exit code 3 and the reason when it did not answer in time, or when it is useless to wait;
 * ContactError UNAUTHENTICATED when it does not know whoever asks: nothing else would be answered either
 */
export async function reachServer(connection: ConnectionOptions, timeoutMs: number): Promise<ServerInfo | null> {
  const { server = 'the server', logger, tls } = connection;
  // What its logger would say of each try is told here, once.
  const admin = createAdmin({ ...connection, logger: silentLogger });
  const beganAt = performance.now();
  const deadline = timeoutMs === 0 ? Number.POSITIVE_INFINITY : beganAt + timeoutMs;
  const tell = (line: string): void => logger?.info(`${line}; ${describePatience(timeoutMs)}`);
  let trouble: string | undefined;
  // A question that is not answered has no error until its deadline.
  let notice: NodeJS.Timeout | undefined = setTimeout(() => {
    notice = undefined;
    tell(`no answer from ${server} yet${trouble === undefined ? '' : `: ${trouble}`}`);
  }, QUIET_MS);
  try {
    for (let pauseMs = FIRST_PAUSE_MS; ; pauseMs = Math.min(pauseMs * 2, MAX_PAUSE_MS)) {
      // The time may end between a look at the clock and the next: a question needs some all the same.
      const answer = await askServer(admin, Math.max(1, deadline - performance.now()));
      if (!(answer instanceof ContactError)) return answer;
      if (isFault(answer) && isHopeless(answer, timeoutMs))
        throw new CommandFailure(inFlags(answer.message), EXIT.unreachable, { reason: answer.advice?.reason });
      // The last question may have had no time for an answer; what was wrong before is still so.
      if (trouble === undefined || answer.code !== 'DEADLINE_EXCEEDED') {
        trouble = inFlags(describeTrouble(answer, tls !== undefined));
      }
      const leftMs = deadline - performance.now();
      if (leftMs > 0) await sleep(Math.min(pauseMs, leftMs));
      if (performance.now() < deadline) continue;
      const within = `within ${timeoutMs / 1_000} s`;
      throw new CommandFailure(`could not reach ${server} ${within}: ${trouble}`, EXIT.unreachable);
    }
  } finally {
    clearTimeout(notice);
    await admin.close();
  }
}

/** What a server says of itself; null: it will not tell. An error: it could not be reached. */
async function askServer(admin: Admin, timeoutMs: number): Promise<ServerInfo | null | ContactError> {
  try {
    return await admin.serverInfo({ deadlineMs: Math.min(timeoutMs, MAX_ASK_MS) });
  } catch (failure) {
    const error = ContactError.from(failure);
    if (error.code === 'UNAVAILABLE' || error.code === 'DEADLINE_EXCEEDED') return error;
    if (error.code === 'UNAUTHENTICATED' && error.isMarked) throw error;
    return null;
  }
}

/** A certificate that is not of the present is waited for by whoever waits for ever: who has seconds is told at once. */
function isHopeless({ advice }: ContactError, timeoutMs: number): boolean {
  return advice?.retry === 'never' || (advice?.reason === 'TLS_TIME' && timeoutMs > 0);
}

function describePatience(timeoutMs: number): string {
  return timeoutMs === 0 ? 'trying on' : `trying for ${timeoutMs / 1_000} s (--connect-timeout)`;
}
