import { createHash, type X509Certificate } from 'node:crypto';
import { isIP } from 'node:net';
import type { TLSSocket } from 'node:tls';
import { chainOf, faultOf, findTimeFault, nameFault, type TlsFault } from './tlsfault.ts';

/** What a certificate says that it may be used for, where it says so: a server of TLS. */
const SERVER_PURPOSE = '1.3.6.1.5.5.7.3.1';

/**
 * Why the server at the other end is not to be trusted by the pin of its authority; undefined: it is. TLS has seen to it that
 * the server has the key of its certificate, and nothing else: that the certificate is signed by an authority with the pinned
 * key, which the server sends along, that it is of the present, for a server, and for this name, is looked at here.
 * @param host the name or address that the certificate must be for
 * @param now milliseconds since 1970
 */
export function findPinFault(socket: TLSSocket, pin: string, host: string, now: number): TlsFault | undefined {
  const own = socket.getPeerX509Certificate();
  if (!own) return faultOf('TLS_CERTIFICATE', 'has shown no certificate');
  const authority = chainOf(own).find((one) => pinOf(one) === pin);
  if (!authority) {
    const advice = 'is it another server? If its authority was made anew, its operator has a new pin, or a join text';
    return faultOf('TLS_PIN', 'has a certificate of another authority than the pinned one', advice);
  }
  const isSelf = authority === own;
  if (!own.checkIssued(authority) || !own.verify(authority.publicKey) || !(isSelf || authority.ca)) {
    return faultOf('TLS_PIN', 'has a certificate that is not signed by the pinned authority', 'is it another server?');
  }
  const ofTime = findTimeFault([own, authority], now);
  if (ofTime) return ofTime;
  if (own.keyUsage && !own.keyUsage.includes(SERVER_PURPOSE))
    return faultOf('TLS_CERTIFICATE', 'has a certificate that is not one of a server');
  const isFor = isIP(host) > 0 ? own.checkIP(host) : own.checkHost(host, { subject: 'never' });
  return isFor === undefined ? nameFault(own, host) : undefined;
}

/** As a join text has it. */
export function pinOf({ publicKey }: X509Certificate): string {
  return createHash('sha256')
    .update(publicKey.export({ type: 'spki', format: 'der' }))
    .digest('base64url');
}
