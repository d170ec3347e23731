import { createPrivateKey, createPublicKey, X509Certificate } from 'node:crypto';
import { existsSync } from 'node:fs';
import { isIP } from 'node:net';
import { ContactError } from '../../shared/errors.ts';
import { readPlainFile } from '../../shared/plainfile.ts';
import { besideStore } from '../../shared/storefiles.ts';
import { generateKeys, type Issuer, issueCertificate, type KeyPair, pinOf } from './certificate.ts';
import { checkIdentity, type TlsIdentity } from './identity.ts';
import { readSecretFile, writeSecretFile } from './secretfile.ts';

const DAY_MS = 86_400_000;
const AUTHORITY_DAYS = 3_650;
/** Its certificate is made anew with the same key: a pin goes on, and who has the file has that long to take the new one. */
const AUTHORITY_LEFT_DAYS = 365;
const SERVER_DAYS = 90;
const SERVER_LEFT_DAYS = 30;
/** Clocks of clients may be late. */
const EARLY_DAYS = 1;

/** An authority of the server's own, and the certificate that it has signed for it. */
export interface Authority {
  /** The server's certificate for these names, a new one where there is none, it lacks a name or ends soon. */
  identify(names: readonly string[]): TlsIdentity;
}

export interface AuthorityOptions {
  /**
   * The file of the store: `FILE.ca-key.pem` beside it keeps the authority with its key, `FILE.ca.pem` its certificate for
   * clients, `FILE.tls.pem` the server's certificate with its key. Undefined: nothing is kept.
   */
  readonly file: string | undefined;
  /** Milliseconds since 1970. */
  readonly now: () => number;
}

/**
 * Opens the authority beside a store, or makes one the first time. FAILED_PRECONDITION: one of its files is not as it must be.
 * A key that is not there any more is no first time: another authority would shut out every client.
 */
export function openAuthority({ file, now }: AuthorityOptions): Authority {
  const kept = createPlace(file && besideStore(file, 'authorityKey'));
  const own = createPlace(file && besideStore(file, 'certificate'));
  let isOpen = false;

  function openIssuer(): Issuer & { readonly cert: string } {
    const content = kept.read();
    const found = readPair(content);
    if (content !== undefined && !found) throw damaged(file!);
    if (content === undefined && file !== undefined && (isOpen || hasBegun(file))) throw missing(file);
    const cert = found && new X509Certificate(found.cert);
    if (found && cert && lastsFor(cert, AUTHORITY_LEFT_DAYS, now())) {
      show(found.cert);
      return { ...found, commonName: commonNameOf(cert) };
    }
    const keys = found?.keys ?? generateKeys();
    const commonName = cert ? commonNameOf(cert) : `contact authority ${pinOf(keys.publicKey).slice(0, 8)}`;
    const made = issueCertificate({ commonName, keys, isAuthority: true, ...spanOf(AUTHORITY_DAYS) });
    kept.write(made + exportKey(keys));
    show(made);
    return { keys, commonName, cert: made };
  }

  /** For clients; whoever runs the server may have let others read it, or have it lie elsewhere. */
  function show(cert: string): void {
    const path = file && besideStore(file, 'authority');
    if (path !== undefined && readShown(path) !== cert) writeSecretFile(path, cert);
  }

  function spanOf(days: number): { readonly validFrom: number; readonly validTo: number } {
    return { validFrom: now() - EARLY_DAYS * DAY_MS, validTo: now() + days * DAY_MS };
  }

  return {
    identify(names) {
      const issuer = openIssuer();
      isOpen = true;
      const found = readPair(own.read());
      if (found && isFit(found, issuer, names, now())) return assemble(found, issuer);
      const keys = generateKeys();
      const cert = issueCertificate({ commonName: 'contact server', keys, issuer, names, ...spanOf(SERVER_DAYS) });
      own.write(cert + exportKey(keys));
      return assemble({ keys, cert }, issuer);
    },
  };

  function assemble({ keys, cert }: Pair, issuer: Pair): TlsIdentity {
    // The authority is sent too: a client that has only its pin finds it there.
    const place = { option: 'tls', path: besideStore(`${file}`, 'certificate') };
    return checkIdentity({ cert: cert + issuer.cert, key: exportKey(keys) }, now(), { cert: place, key: place });
  }
}

/** Refuses what `openAuthority` would be refused with beside this store, and makes nothing. */
export function checkAuthority(file: string): void {
  const content = readSecretFile(besideStore(file, 'authorityKey'));
  if (content !== undefined && !readPair(content)) throw damaged(file);
  if (content === undefined && hasBegun(file)) throw missing(file);
  readSecretFile(besideStore(file, 'certificate'));
}

interface Pair {
  readonly keys: KeyPair;
  readonly cert: string;
}

/** Whether it has begun, which one that was made while the clock ran ahead has not, and has more days left than these. */
function lastsFor({ validFromDate, validToDate }: X509Certificate, days: number, now: number): boolean {
  return validFromDate.getTime() <= now && validToDate.getTime() - now > days * DAY_MS;
}

function isFit({ cert }: Pair, issuer: Pair, names: readonly string[], now: number): boolean {
  const own = new X509Certificate(cert);
  const authority = new X509Certificate(issuer.cert);
  if (!lastsFor(own, SERVER_LEFT_DAYS, now)) return false;
  if (!own.checkIssued(authority) || !own.verify(authority.publicKey)) return false;
  const alternatives = own.subjectAltName?.split(', ') ?? [];
  return names.every((name) =>
    isIP(name) > 0 ? own.checkIP(name) !== undefined : alternatives.includes(`DNS:${name}`),
  );
}

/** Whether there was an authority: what it signed is written after its key. */
function hasBegun(file: string): boolean {
  return existsSync(besideStore(file, 'authority')) || existsSync(besideStore(file, 'certificate'));
}

/** A new authority in its place would shut out every client that knows the old one. */
function damaged(file: string): ContactError {
  return refuseKey(file, 'is no certificate with its key');
}

function missing(file: string): ContactError {
  return refuseKey(file, 'is missing, and there was an authority');
}

function refuseKey(file: string, what: string): ContactError {
  const [key, ...others] = (['authorityKey', 'authority', 'certificate'] as const).map((one) => besideStore(file, one));
  const afresh = `remove all of ${key}, ${others.join(' and ')} and start the server for a new authority`;
  const problem = `${key} ${what}: put back a copy; or ${afresh}, which clients of the old one do not trust`;
  return new ContactError('FAILED_PRECONDITION', problem, { field: 'tls' });
}

function readShown(path: string): string | undefined {
  try {
    return readPlainFile(path).bytes.toString();
  } catch {
    return undefined;
  }
}

/** A certificate and its key in one text; undefined: it has not both, or they do not belong together. */
function readPair(pem: string | undefined): Pair | undefined {
  try {
    const privateKey = createPrivateKey(pem ?? '');
    const cert = /-----BEGIN CERTIFICATE-----[^-]*-----END CERTIFICATE-----\n/.exec(pem ?? '')?.[0] ?? '';
    if (!new X509Certificate(cert).checkPrivateKey(privateKey)) return undefined;
    return { keys: { privateKey, publicKey: createPublicKey(privateKey) }, cert };
  } catch {
    return undefined;
  }
}

function exportKey({ privateKey }: KeyPair): string {
  return privateKey.export({ type: 'pkcs8', format: 'pem' }) as string;
}

function commonNameOf({ subject }: X509Certificate): string {
  return subject.replace(/^CN=/, '');
}

interface Place {
  read(): string | undefined;
  write(content: string): void;
}

function createPlace(path: string | undefined): Place {
  if (path !== undefined)
    return { read: () => readSecretFile(path), write: (content) => writeSecretFile(path, content) };
  let kept: string | undefined;
  return {
    read: () => kept,
    write(content) {
      kept = content;
    },
  };
}
