import { type FSWatcher, watch } from 'node:fs';
import { basename, dirname } from 'node:path';
import type { Clock } from '../../shared/clock.ts';
import { ContactError } from '../../shared/errors.ts';
import type { Logger } from '../../shared/logger.ts';
import { readPlainFile } from '../../shared/plainfile.ts';
import { openAuthority } from './authority.ts';
import { checkIdentity, type TlsIdentity } from './identity.ts';

/** Where a server's certificate comes from. */
export type TlsSetting =
  | { readonly kind: 'auto'; readonly storeFile: string | undefined; readonly names: () => readonly string[] }
  | { readonly kind: 'files'; readonly cert: string; readonly key: string };

export interface TlsSourceOptions {
  readonly setting: TlsSetting;
  /** File of the authorities of clients. */
  readonly clientCa?: string | undefined;
  readonly clock: Clock;
  readonly logger: Logger;
}

/** What the server proves itself with at present. */
export interface TlsSource {
  readonly identity: TlsIdentity;
  /** Has `onChange` told of each other identity from now on, and looks for one by itself. */
  follow(onChange: (identity: TlsIdentity) => void): void;
  /** Looks now. What cannot be used is logged, and the identity that there is stays. */
  reload(): void;
  close(): void;
}

/** Between two looks at the files, also where the system tells of no change; and at how long a certificate has left. */
const LOOK_MS = 60_000;
/** Files that belong together are written one after the other. */
const SETTLE_MS = 200;
const DAY_MS = 86_400_000;
/** With less left, a certificate that is not renewed by itself is told of, once a day. */
const WARN_MS = 14 * DAY_MS;
/** What is to be mended about the files, of which there may be as many lines as authorities. */
const MAX_TOLD = 20;

/** FAILED_PRECONDITION: a file is missing, or not as it must be. */
export function openTlsSource({ setting, clientCa, clock, logger }: TlsSourceOptions): TlsSource {
  const load = createLoader(setting, clientCa, clock);
  const files = [...(setting.kind === 'files' ? [setting.cert, setting.key] : []), ...(clientCa ? [clientCa] : [])];
  const watchers: FSWatcher[] = [];
  let identity = load();
  let onChange: (identity: TlsIdentity) => void = () => {};
  let cancelLook = (): void => {};
  let cancelSettle: (() => void) | undefined;
  /** What was last in the way, so that it is told once. */
  let trouble: string | undefined;
  let warnedAt = Number.NEGATIVE_INFINITY;

  function reload(): void {
    try {
      const found = load();
      trouble = undefined;
      if (isSame(found, identity)) return;
      onChange(found);
      identity = found;
      // What was wrong with the files before may be so no more, and something else may be.
      warnedAt = Number.NEGATIVE_INFINITY;
      logger.info({ expiresAt: new Date(found.expiresAt).toISOString() }, 'the TLS certificate was loaded anew');
    } catch (error) {
      const { message } = error as Error;
      if (trouble !== message) logger.warn({ reason: message }, 'TLS goes on with the certificate that it has');
      trouble = message;
    }
  }

  function warn(): void {
    if (clock.monotonic() - warnedAt < DAY_MS) return;
    const leftMs = identity.expiresAt - clock.now();
    const complaints = identity.examine(clock.now()).filter(({ isHarmless }) => !isHarmless);
    if (leftMs > WARN_MS && complaints.length === 0) return;
    warnedAt = clock.monotonic();
    const expiresAt = new Date(identity.expiresAt).toISOString();
    if (leftMs <= WARN_MS)
      logger.warn({ expiresAt }, leftMs > 0 ? 'the TLS certificate ends soon' : 'the TLS certificate has ended');
    for (const { what, advice } of complaints.slice(0, MAX_TOLD))
      logger.warn({ what, advice }, 'a certificate file of the server is to be mended');
  }

  function look(): void {
    reload();
    warn();
    cancelLook = clock.after(LOOK_MS, look);
  }

  function settle(): void {
    cancelSettle ??= clock.after(SETTLE_MS, () => {
      cancelSettle = undefined;
      reload();
    });
  }

  return {
    get identity() {
      return identity;
    },
    follow(listener) {
      onChange = listener;
      // The folder, since a file that is replaced is another one; links are followed by the look each minute.
      for (const folder of new Set(files.map((file) => dirname(file)))) watchFolder(folder);
      warn();
      cancelLook = clock.after(LOOK_MS, look);
    },
    reload,
    close() {
      cancelLook();
      cancelSettle?.();
      for (const watcher of watchers.splice(0)) watcher.close();
    },
  };

  function watchFolder(folder: string): void {
    const names = new Set(files.filter((file) => dirname(file) === folder).map((file) => basename(file)));
    try {
      const watcher = watch(folder, { persistent: false }, (_event, name) => {
        // Kubernetes and certbot change what a link beside them, `..data` or a folder, leads to.
        if (name === null || names.has(name) || name.startsWith('..')) settle();
      });
      watcher.on('error', () => watcher.close());
      watchers.push(watcher);
    } catch {
      // Where the system has no watch left, the look each minute is enough.
    }
  }
}

/** What reads the identity that there is now, or makes it. FAILED_PRECONDITION: it cannot be used. */
export function createLoader(setting: TlsSetting, clientCaFile: string | undefined, clock: Clock): () => TlsIdentity {
  const readClientCa = (): string | undefined => (clientCaFile ? readFile('tlsClientCa', clientCaFile) : undefined);
  const placeOfClientCa = clientCaFile === undefined ? undefined : { option: 'tlsClientCa', path: clientCaFile };
  if (setting.kind === 'files') {
    return () => {
      const [cert, key] = [readFile('tlsCert', setting.cert), readFile('tlsKey', setting.key)];
      return checkIdentity({ cert, key, clientCa: readClientCa() }, clock.now(), {
        cert: { option: 'tlsCert', path: setting.cert },
        key: { option: 'tlsKey', path: setting.key },
        clientCa: placeOfClientCa,
      });
    };
  }
  const authority = openAuthority({ file: setting.storeFile, now: clock.now });
  return () => {
    const identity = authority.identify(setting.names());
    const clientCa = readClientCa();
    return clientCa === undefined ? identity : checkIdentityOfBoth(identity, clientCa);
  };

  function checkIdentityOfBoth(identity: TlsIdentity, clientCa: string): TlsIdentity {
    const made = { option: 'tls', path: 'the certificate of the server' };
    return checkIdentity({ ...identity, clientCa }, clock.now(), { cert: made, key: made, clientCa: placeOfClientCa });
  }
}

function readFile(option: string, path: string): string {
  try {
    return readPlainFile(path).bytes.toString();
  } catch (error) {
    throw new ContactError('FAILED_PRECONDITION', (error as Error).message, { field: option });
  }
}

function isSame(one: TlsIdentity, other: TlsIdentity): boolean {
  return one.cert === other.cert && one.key === other.key && one.clientCa === other.clientCa;
}
