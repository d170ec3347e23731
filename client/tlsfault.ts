import type { X509Certificate } from 'node:crypto';
import type { TLSSocket } from 'node:tls';
import { describeTime, isSignedBy, readCertificates, writeName } from '../shared/certificates.ts';

/** What keeps TLS from coming about, by names for programs; `advice.reason` of the error has them. */
export type TlsReason =
  | 'TLS_AUTHORITY'
  | 'TLS_PIN'
  | 'TLS_NAME'
  | 'TLS_TIME'
  | 'TLS_CERTIFICATE'
  | 'TLS_CLIENT_CERTIFICATE'
  | 'TLS_HTTP2'
  | 'TLS_NOT_SPOKEN'
  | 'TLS_NEEDED';

/** Why no connection comes about that is encrypted as both ends want it. */
export interface TlsFault {
  readonly reason: TlsReason;
  /** What is wrong, said of the server: `has a certificate …`. */
  readonly problem: string;
  /** What somebody can do about it; empty: nothing that is known. */
  readonly advice: string;
  /**
   * It ends without anybody at this client: a certificate is renewed, and a device's clock is set, once it has a network. What is
   * else wrong, its options say, or the server's.
   */
  readonly mayPass: boolean;
}

/** Names of a certificate that a message shows. */
const MAX_NAMES = 5;
/** Characters of a way from a certificate to its authority that a message shows. */
const MAX_WAY = 500;
/** A chain is as long as the server says; an authority that signs servers by itself is one of the first. */
const MAX_CHAIN = 10;

/** As Node.js names what is wrong with a certificate. */
const UNTRUSTED: ReadonlySet<string> = new Set([
  'DEPTH_ZERO_SELF_SIGNED_CERT',
  'SELF_SIGNED_CERT_IN_CHAIN',
  'UNABLE_TO_GET_ISSUER_CERT',
  'UNABLE_TO_GET_ISSUER_CERT_LOCALLY',
  'UNABLE_TO_VERIFY_LEAF_SIGNATURE',
  'CERT_UNTRUSTED',
]);
const OF_TIME: ReadonlySet<string> = new Set(['CERT_HAS_EXPIRED', 'CERT_NOT_YET_VALID']);
const OTHER_NAME: ReadonlySet<string> = new Set(['ERR_TLS_CERT_ALTNAME_INVALID', 'HOSTNAME_MISMATCH']);

/** As OpenSSL says that what came is no record of TLS. */
const NO_RECORD: ReadonlySet<string> = new Set([
  'ERR_SSL_WRONG_VERSION_NUMBER',
  'ERR_SSL_PACKET_LENGTH_TOO_LONG',
  'ERR_SSL_TLS_VALIDATE_RECORD_HEADER',
  'ERR_SSL_UNKNOWN_PROTOCOL',
]);
const CLOCK = 'is the clock of this machine right?';
const NO_HTTP2 = 'ERR_SSL_TLSV1_ALERT_NO_APPLICATION_PROTOCOL';
/** Alerts by which a server says that it does not take the certificate of its client, or wants one. */
const CLIENT_REFUSED =
  /^ERR_SSL_\w+_ALERT_(?:CERTIFICATE_(?:REQUIRED|EXPIRED|REVOKED|UNKNOWN)|UNKNOWN_CA|BAD_CERTIFICATE|UNSUPPORTED_CERTIFICATE)$/;

/** What is wrong with the server at the other end of a handshake, by the authorities that are trusted, `ca` or the system's; undefined: nothing. */
export function findFault(
  socket: TLSSocket,
  host: string,
  now: number,
  ca: Uint8Array | undefined,
): TlsFault | undefined {
  if (socket.authorized) return undefined;
  const code = String(socket.authorizationError);
  const own = socket.getPeerX509Certificate();
  if (!own) return faultOf('TLS_CERTIFICATE', 'has shown no certificate');
  if (OF_TIME.has(code)) {
    const chain = chainOf(own);
    const found = findTimeFault(chain, now) ?? findTimeFaultAbove(chain.at(-1)!, ca, now);
    return found ?? faultOf('TLS_TIME', `is refused: ${code}`);
  }
  if (OTHER_NAME.has(code)) return nameFault(own, host);
  if (UNTRUSTED.has(code)) {
    const chain = chainOf(own);
    const last = chain.at(-1)!;
    const way = chain.map((one) => `${describe(one)} is signed by ${writeName(one.issuer)}`).join(', ');
    const problem = `has a certificate that no trusted authority has signed: ${shorten(way)}`;
    // An authority between has to be sent along: clients know the one above it alone.
    const isWhole = last.subject === last.issuer;
    const advice = isWhole
      ? ''
      : ' If it is one between others, the server lacks its certificate (fullchain.pem of certbot)';
    return faultOf('TLS_AUTHORITY', problem, `is that authority in \`tls.ca\`?${advice}`);
  }
  return faultOf('TLS_CERTIFICATE', `has a certificate that is not valid: ${code}`);
}

/** The first of these certificates that is not of the present. */
export function findTimeFault(chain: readonly X509Certificate[], now: number): TlsFault | undefined {
  for (const one of chain) {
    const [whose, from, to] = [describe(one), one.validFromDate, one.validToDate];
    if (to.getTime() < now) {
      const problem = `has a certificate that has ended: ${whose} on ${to.toISOString()}`;
      return { ...faultOf('TLS_TIME', problem, 'whoever runs it has to renew that'), mayPass: true };
    }
    if (from.getTime() > now) {
      const problem = `has a certificate that is not valid yet: ${whose} begins on ${from.toISOString()}`;
      return { ...faultOf('TLS_TIME', problem, CLOCK), mayPass: true };
    }
  }
  return undefined;
}

/** What of the authorities of this client has signed a certificate and is not of the present. */
function findTimeFaultAbove(last: X509Certificate, ca: Uint8Array | undefined, now: number): TlsFault | undefined {
  for (const one of ca ? readCertificates(ca).certificates : []) {
    const time = describeTime(one, now);
    if (time === undefined || !(one.fingerprint256 === last.fingerprint256 || isSignedBy(last, one))) continue;
    const isOver = one.validToDate.getTime() <= now;
    const advice = isOver ? 'put the next certificate of that authority into `tls.ca`' : CLOCK;
    const problem = `has a certificate signed by ${describe(one)}, which in \`tls.ca\` ${time}`;
    return { ...faultOf('TLS_TIME', problem, advice), mayPass: true };
  }
  return undefined;
}

/**
 * Of a server that has ended a connection once it was encrypted, and had said nothing over it: so ends who does not take the
 * certificate of a client, or wants one. @param cert what was shown to it
 */
export function faultOfSilence(cert: Uint8Array | undefined, now: number): TlsFault {
  const problem = 'ended the connection as soon as it was encrypted';
  const [own] = cert ? readCertificates(cert).certificates : [];
  const time = own && describeTime(own, now);
  const whose = own && `${describe(own)} of ${writeName(own.issuer)}`;
  const advice = !own
    ? 'it may want a certificate of this client: `tls.cert` and `tls.key` are for that'
    : time === undefined
      ? `it may not know who has signed the certificate of this client (${whose}), or take it for another reason; its log says why`
      : `the certificate of this client, ${whose}, ${time}: ${own.validToDate.getTime() <= now ? 'have it renewed' : CLOCK}`;
  // It may as well be one that is being stopped.
  return { ...faultOf('TLS_CLIENT_CERTIFICATE', problem, advice), mayPass: true };
}

export function nameFault(own: X509Certificate, host: string): TlsFault {
  const names = (own.subjectAltName?.split(', ') ?? []).map((name) => name.replace(/^(?:DNS|IP Address):/, ''));
  const more = names.length > MAX_NAMES ? ` and ${names.length - MAX_NAMES} more` : '';
  const shown = names.length > 0 ? names.slice(0, MAX_NAMES).join(', ') + more : 'no name';
  const advice = 'reach it by a name of its certificate, or say that one in `tls.serverName`';
  return faultOf('TLS_NAME', `has a certificate for ${shown}, and not for ${host}`, advice);
}

/** What a handshake ended with; undefined: the connection broke, which may be for anything. */
export function faultOfHandshake({ code = '' }: NodeJS.ErrnoException): TlsFault | undefined {
  if (NO_RECORD.has(code)) {
    return faultOf('TLS_NOT_SPOKEN', 'does not speak TLS', 'is it served without TLS? Then leave out `tls`');
  }
  if (code === NO_HTTP2)
    return faultOf('TLS_HTTP2', 'speaks TLS, but not HTTP/2, which gRPC needs', 'is that its port?');
  if (CLIENT_REFUSED.test(code)) {
    const advice = '`tls.cert` and `tls.key` are for that';
    return faultOf('TLS_CLIENT_CERTIFICATE', `refuses the certificate of this client, or wants one: ${code}`, advice);
  }
  return undefined;
}

export const TLS_NEEDED: TlsFault = faultOf('TLS_NEEDED', 'speaks TLS, and this client does not', 'give `tls`');

export function faultOf(reason: TlsReason, problem: string, advice = ''): TlsFault {
  return { reason, problem, advice, mayPass: false };
}

/** A certificate and those above it that came with it. */
export function chainOf(own: X509Certificate): X509Certificate[] {
  const chain: X509Certificate[] = [];
  for (let one: X509Certificate | undefined = own; one && chain.length < MAX_CHAIN; one = one.issuerCertificate) {
    chain.push(one);
  }
  return chain;
}

function describe({ subject }: X509Certificate): string {
  return subject ? writeName(subject) : 'its own';
}

function shorten(text: string): string {
  return text.length > MAX_WAY ? `${text.slice(0, MAX_WAY)}…` : text;
}
