import type net from 'node:net';
import type { TLSSocket } from 'node:tls';
import { isName } from '../../shared/ids.ts';
import type { Carrier } from './carrier.ts';

/** Who a connection is known to be of, whatever its calls say. */
export type PeerIdentity =
  /** Of whoever; its calls have to say it. */
  | { readonly kind: 'none' }
  /** Of somebody who may open the socket file that is the operator's. */
  | { readonly kind: 'operator' }
  /** Of the client with this certificate, which was checked. */
  | { readonly kind: 'certificate'; readonly name: string /** Milliseconds since 1970. */; readonly expiresAt: number };

const NONE: PeerIdentity = Object.freeze({ kind: 'none' });
const OPERATOR: PeerIdentity = Object.freeze({ kind: 'operator' });
const IDENTITY = Symbol('identity of the peer');

interface Known {
  [IDENTITY]?: PeerIdentity;
}

export function markOperator(socket: net.Socket): void {
  (socket as Known)[IDENTITY] = OPERATOR;
}

/** Notes whose certificate TLS has checked. One without a name that could be a caller's is nobody's. */
export function markCertificate(socket: TLSSocket): void {
  const certificate = socket.authorized ? socket.getPeerX509Certificate() : undefined;
  const name = certificate && nameOf(certificate);
  if (name === undefined) return;
  (socket as Known)[IDENTITY] = { kind: 'certificate', name, expiresAt: certificate!.validToDate.getTime() };
}

/** Who the connection of a stream is of. */
export function peerIdentityOf(stream: Pick<Carrier, 'session'>): PeerIdentity {
  // Node.js shows the socket of a session behind a proxy, which lets properties through.
  return (stream.session?.socket as Known | undefined)?.[IDENTITY] ?? NONE;
}

/** The common name of the subject, else its first name of DNS, else its first URI. */
function nameOf(certificate: {
  readonly subject: string;
  readonly subjectAltName?: string | undefined;
}): string | undefined {
  const common = certificate.subject?.split('\n').flatMap((line) => /^CN=(.*)$/.exec(line)?.[1] ?? []) ?? [];
  // Two would leave it to the reader who it is.
  if (common.length > 1) return undefined;
  const others = certificate.subjectAltName?.split(', ') ?? [];
  const find = (prefix: string): string | undefined =>
    others.find((one) => one.startsWith(prefix))?.slice(prefix.length);
  const name = common[0] ?? find('DNS:') ?? find('URI:');
  return name !== undefined && isName(name) ? name : undefined;
}
