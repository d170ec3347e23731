import { createPrivateKey, X509Certificate } from 'node:crypto';
import { createSecureContext } from 'node:tls';
import { ContactError } from '../../shared/errors.ts';
import { pinOf } from './certificate.ts';

/** What a server proves itself with. */
export interface TlsIdentity {
  /** The server's certificate and those above it that are sent with it, in PEM. */
  readonly cert: string;
  /** Its private key in PEM. */
  readonly key: string;
  /** Authorities in PEM of which certificates of clients are asked for and must be; absent: none is asked for. */
  readonly clientCa?: string | undefined;
  /** When the first ends of the certificate and those above it, in milliseconds since 1970. */
  readonly expiresAt: number;
  readonly authority: TlsAuthority;
}

/** By what a client knows the server's certificate. */
export interface TlsAuthority {
  /**
   * SHA-256 of the public key (SPKI) of who signed the server's certificate, base64url, where its own certificate is sent too;
   * empty: a client goes by the authorities that it trusts.
   */
  readonly pin: string;
  /** That certificate in PEM. */
  readonly ca?: string;
}

const CERTIFICATE = /-----BEGIN CERTIFICATE-----[^-]*-----END CERTIFICATE-----\n?/g;

/** The certificates of a text in PEM. FAILED_PRECONDITION: there is none, or one cannot be read. */
export function readCertificates(pem: string, what: string): readonly X509Certificate[] {
  const found = pem.match(CERTIFICATE) ?? [];
  if (found.length === 0) throw refused(`${what} has no certificate in PEM`);
  return found.map((one) => {
    try {
      return new X509Certificate(one);
    } catch {
      throw refused(`${what} has a certificate that cannot be read`);
    }
  });
}

/**
 * Checks what a server is to prove itself with. FAILED_PRECONDITION: the key is not that of the certificate, it is not of the
 * present, or TLS takes them not. No message shows a key.
 * @param now milliseconds since 1970
 */
export function checkIdentity(
  { cert, key, clientCa }: Pick<TlsIdentity, 'cert' | 'key' | 'clientCa'>,
  now: number,
  what = 'the certificate file',
): TlsIdentity {
  const chain = readCertificates(cert, what);
  const own = chain[0]!;
  if (clientCa !== undefined) readCertificates(clientCa, 'the file of tlsClientCa');
  if (!own.checkPrivateKey(readKey(key))) throw refused('the private key is not that of the certificate');
  const path = findPath(chain);
  for (const one of path)
    checkTime(one, now, one === own ? 'the certificate' : `the certificate of ${nameOf(one)} above it`);
  const expiresAt = Math.min(...path.map(({ validToDate }) => validToDate.getTime()));
  try {
    // What is too weak for this version of OpenSSL shows here, and not with the first client.
    createSecureContext({ cert, key, ca: clientCa });
  } catch (error) {
    throw refused(`TLS does not take the certificate and its key: ${(error as Error).message}`);
  }
  return { cert, key, clientCa, expiresAt, authority: findAuthority(chain) };
}

/**
 * The certificate and those by which clients get to one that they trust. One that stands at the end of a longer chain is left
 * out: it is a root, or a root that another has signed too, and clients have that themselves, with other dates.
 */
function findPath([own, ...above]: readonly X509Certificate[]): readonly X509Certificate[] {
  const path = [own!];
  for (let rest = above; ; ) {
    const last = path.at(-1)!;
    const issuer = rest.find((one) => isSignedBy(last, one));
    if (!issuer) break;
    path.push(issuer);
    rest = rest.filter((one) => one !== issuer);
  }
  return path.slice(0, Math.max(2, path.length - 1));
}

function checkTime(
  { validFrom, validFromDate, validTo, validToDate }: X509Certificate,
  now: number,
  what: string,
): void {
  if (validToDate.getTime() <= now) throw refused(`${what} has ended on ${validTo}`);
  if (validFromDate.getTime() > now) throw refused(`${what} begins on ${validFrom}`);
}

function nameOf({ subject }: X509Certificate): string {
  return subject.replaceAll('\n', ', ');
}

function readKey(pem: string): ReturnType<typeof createPrivateKey> {
  try {
    return createPrivateKey(pem);
  } catch {
    throw refused('the key file has no private key in PEM without a passphrase');
  }
}

/** A root that signed the certificate by itself and is sent with it: nobody else is likely to know it. */
function findAuthority([own, ...above]: readonly X509Certificate[]): TlsAuthority {
  const root = above.find((one) => one.ca && isSignedBy(one, one) && isSignedBy(own!, one));
  return root ? { pin: pinOf(root.publicKey), ca: root.toString() } : { pin: '' };
}

function isSignedBy(one: X509Certificate, issuer: X509Certificate): boolean {
  return one.checkIssued(issuer) && one.verify(issuer.publicKey);
}

function refused(problem: string): ContactError {
  return new ContactError('FAILED_PRECONDITION', problem, { field: 'tls' });
}
