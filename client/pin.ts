import { createHash, type X509Certificate } from 'node:crypto';
import { isIP } from 'node:net';
import type { TLSSocket } from 'node:tls';

/** What a certificate says that it may be used for, where it says so: a server of TLS. */
const SERVER_PURPOSE = '1.3.6.1.5.5.7.3.1';
/** A chain is as long as the server says; an authority that signs servers by itself is one of the first. */
const MAX_CHAIN = 10;

/**
 * Why the server at the other end is not to be trusted by the pin of its authority; undefined: it is. TLS has seen to it that
 * the server has the key of its certificate, and nothing else: that the certificate is signed by an authority with the pinned
 * key, which the server sends along, that it is of the present, for a server, and for this name, is looked at here.
 * @param host the name or address that the certificate must be for
 * @param now milliseconds since 1970
 */
export function findPinFault(socket: TLSSocket, pin: string, host: string, now: number): string | undefined {
  const own = socket.getPeerX509Certificate();
  if (!own) return 'the server has shown no certificate';
  const authority = chainOf(own).find((one) => pinOf(one) === pin);
  if (!authority) return 'the server has a certificate of another authority than the pinned one';
  const isSelf = authority === own;
  if (!own.checkIssued(authority) || !own.verify(authority.publicKey) || !(isSelf || authority.ca)) {
    return 'the certificate of the server is not signed by the pinned authority';
  }
  for (const one of [own, authority]) {
    if (one.validToDate.getTime() < now)
      return `the certificate of the server, or of its authority, has ended on ${one.validTo}`;
    if (one.validFromDate.getTime() > now)
      return `the certificate of the server begins on ${one.validFrom} (is the clock right?)`;
  }
  if (own.keyUsage && !own.keyUsage.includes(SERVER_PURPOSE)) return 'the certificate is not one of a server';
  const isFor = isIP(host) > 0 ? own.checkIP(host) : own.checkHost(host, { subject: 'never' });
  return isFor === undefined
    ? `the certificate of the server is not for ${host} (serverName says another name)`
    : undefined;
}

function chainOf(own: X509Certificate): X509Certificate[] {
  const chain: X509Certificate[] = [];
  for (let one: X509Certificate | undefined = own; one && chain.length < MAX_CHAIN; one = one.issuerCertificate) {
    chain.push(one);
  }
  return chain;
}

/** As a join text has it. */
export function pinOf({ publicKey }: X509Certificate): string {
  return createHash('sha256')
    .update(publicKey.export({ type: 'spki', format: 'der' }))
    .digest('base64url');
}
