import { createPrivateKey, X509Certificate } from 'node:crypto';
import { createSecureContext, rootCertificates } from 'node:tls';
import { type Complaint, examineAuthorities } from '../../shared/authorities.ts';
import {
  type CertificateText,
  describeTime,
  isSignedBy,
  readCertificates,
  writeName,
} from '../../shared/certificates.ts';
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
  /**
   * Who has signed the last certificate that is sent, where that one's own is missing and no well-known authority: who does not
   * trust it itself does not trust the server. Undefined: nothing is missing.
   */
  readonly missing: string | undefined;
  /** What is to be mended in these files, although a server starts with them. @param now milliseconds since 1970 */
  examine(now: number): readonly FileComplaint[];
}

/** With the option that names the file. */
export interface FileComplaint extends Complaint {
  readonly option: string;
}

/** Where a part of it comes from: the file, and the option that names it. */
export interface TlsPlace {
  readonly option: string;
  readonly path: string;
}

export interface TlsPlaces {
  readonly cert: TlsPlace;
  readonly key: TlsPlace;
  readonly clientCa?: TlsPlace | undefined;
}

const PLACES: TlsPlaces = Object.freeze({
  cert: { option: 'tlsCert', path: 'the certificate file' },
  key: { option: 'tlsKey', path: 'the key file' },
});
const CLIENT_CA: TlsPlace = Object.freeze({ option: 'tlsClientCa', path: 'the file of tlsClientCa' });

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

/** What a client of TLS asks of the certificate of a server, where that says what it is for. */
const SERVER_PURPOSE = '1.3.6.1.5.5.7.3.1';

/** The certificates of a text in PEM. FAILED_PRECONDITION: there is none, or one cannot be read. */
function readFileText(pem: string, { option, path }: TlsPlace): CertificateText {
  const text = readCertificates(pem);
  if (text.fault !== undefined) throw refused(option, `${path} ${text.fault}`);
  return text;
}

/**
 * Checks what a server is to prove itself with. FAILED_PRECONDITION: the key is not that of the certificate, it is not of the
 * present, or TLS takes them not. No message shows a key.
 * @param now milliseconds since 1970
 */
export function checkIdentity(
  { cert, key, clientCa }: Pick<TlsIdentity, 'cert' | 'key' | 'clientCa'>,
  now: number,
  places: TlsPlaces = PLACES,
): TlsIdentity {
  const chain = readFileText(cert, places.cert).certificates;
  const own = chain[0]!;
  const placeOfClientCa = places.clientCa ?? CLIENT_CA;
  const authorities = clientCa === undefined ? undefined : readFileText(clientCa, placeOfClientCa);
  if (!own.checkPrivateKey(readKey(key, places.key))) {
    const pair = `${places.key.path} and ${places.cert.path} have to be a pair`;
    throw refused(places.key.option, `the private key is not that of the certificate: ${pair}`);
  }
  const path = findPath(chain);
  for (const one of path) {
    const what = one === own ? 'the certificate' : `the certificate of ${writeName(one.subject)} above it`;
    checkTime(one, now, `${what} in ${places.cert.path}`, places.cert.option);
  }
  const expiresAt = Math.min(...path.map(({ validToDate }) => validToDate.getTime()));
  try {
    // What is too weak for this version of OpenSSL shows here, and not with the first client.
    createSecureContext({ cert, key, ca: clientCa });
  } catch (error) {
    const problem = `TLS does not take ${places.cert.path} and ${places.key.path}: ${(error as Error).message}`;
    throw refused(places.cert.option, problem);
  }
  const from = (complaints: readonly Complaint[], { option }: TlsPlace): readonly FileComplaint[] =>
    complaints.map((one) => ({ ...one, option }));
  const examine = (at: number): readonly FileComplaint[] => {
    const ofClients = { path: placeOfClientCa.path, whose: 'clients', now: at } as const;
    return [
      ...from(examineChain(chain, places.cert.path), places.cert),
      ...(authorities ? from(examineAuthorities(authorities, ofClients), placeOfClientCa) : []),
    ];
  };
  return { cert, key, clientCa, expiresAt, authority: findAuthority(chain), missing: findMissing(chain), examine };
}

/** What clients refuse although TLS speaks with it, and what is sent to them for nothing. */
function examineChain(chain: readonly X509Certificate[], path: string): readonly Complaint[] {
  const own = chain[0]!;
  const way = new Set(climb(chain));
  const name = `${writeName(own.subject) || 'the certificate'} in ${path}`;
  const found: Complaint[] = chain
    .filter((one) => !way.has(one))
    .map((one) => ({
      what: `${writeName(one.subject)} in ${path} has signed none of those before it, and is sent for nothing`,
      advice: 'take it out; the certificate of the server has to be the first',
      isHarmless: true,
    }));
  if (own.keyUsage && !own.keyUsage.includes(SERVER_PURPOSE)) {
    found.push({
      what: `${name} is not for servers: clients refuse it`,
      advice: 'have one made for a server (serverAuth)',
    });
  }
  if (own.subjectAltName === undefined) {
    const what = `${name} has no name of a server (subjectAltName): clients refuse it`;
    found.push({ what, advice: 'have one made for the names by which clients reach the server' });
  }
  return found;
}

/** The signer of the last certificate on the way up, if nobody is told of it and nobody knows it by itself. */
function findMissing(chain: readonly X509Certificate[]): string | undefined {
  const last = climb(chain).at(-1)!;
  const isKnown = (): boolean => rootCertificates.some((root) => isSignedBy(last, new X509Certificate(root)));
  return last.subject === last.issuer || isKnown() ? undefined : writeName(last.issuer);
}

/**
 * The certificate and those by which clients get to one that they trust. One that stands at the end of a longer chain is left
 * out: it is a root, or a root that another has signed too, and clients have that themselves, with other dates.
 */
function findPath(chain: readonly X509Certificate[]): readonly X509Certificate[] {
  const path = climb(chain);
  return path.slice(0, Math.max(2, path.length - 1));
}

/** The first certificate, who has signed it, and so on. */
function climb([own, ...above]: readonly X509Certificate[]): readonly X509Certificate[] {
  const path = [own!];
  for (let rest = above; ; ) {
    const last = path.at(-1)!;
    const issuer = rest.find((one) => isSignedBy(last, one));
    if (!issuer) return path;
    path.push(issuer);
    rest = rest.filter((one) => one !== issuer);
  }
}

function checkTime(one: X509Certificate, now: number, what: string, option: string): void {
  const time = describeTime(one, now);
  if (time === undefined) return;
  const isOver = one.validToDate.getTime() <= now;
  throw refused(option, `${what} ${time}: ${isOver ? 'have it renewed' : 'is the clock of this machine right?'}`);
}

function readKey(pem: string, { option, path }: TlsPlace): ReturnType<typeof createPrivateKey> {
  try {
    return createPrivateKey(pem);
  } catch {
    throw refused(option, `${path} has no private key in PEM without a passphrase`);
  }
}

/** A root that signed the certificate by itself and is sent with it: nobody else is likely to know it. */
function findAuthority([own, ...above]: readonly X509Certificate[]): TlsAuthority {
  const root = above.find((one) => one.ca && isSignedBy(one, one) && isSignedBy(own!, one));
  return root ? { pin: pinOf(root.publicKey), ca: root.toString() } : { pin: '' };
}

function refused(option: string, problem: string): ContactError {
  return new ContactError('FAILED_PRECONDITION', problem, { field: option });
}
