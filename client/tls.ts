import { createPrivateKey, X509Certificate } from 'node:crypto';
import { readCertificates } from '../shared/certificates.ts';
import { isBytes32 } from '../shared/jointext.ts';
import * as check from './check.ts';

/** How a connection is encrypted; every certificate and key in PEM. */
export interface TlsOptions {
  /** Certificates of the authorities to trust; absent: the system's. */
  readonly ca?: Buffer;
  /**
   * In place of `ca`: SHA-256 of the public key (SPKI) of the one authority to trust, base64url, 43 characters, as a join text
   * holds it. The server has to send the certificate of that authority, which must have signed its own; a server that does not
   * is sent nothing.
   */
  readonly pin?: string;
  /** Certificate (chain) of this client, for servers that ask for one; together with `key`. */
  readonly cert?: Buffer;
  /** The private key of `cert`, without a passphrase. */
  readonly key?: Buffer;
  /**
   * The name that the server's certificate is for, where it is reached by another one: through a tunnel, by its
   * address, over a socket file. The server is also asked for by that name (SNI, `:authority`).
   */
  readonly serverName?: string;
}

const shape = check.shape({
  ca: isCertificates,
  pin: isPin,
  cert: isCertificates,
  key: isKey,
  serverName: check.hostName,
} satisfies Record<keyof TlsOptions, check.Check>);

/**
 * The rule of `tls`. It refuses what TLS would take silently and never connect with (certificates that are none), and
 * what TLS would refuse with a message that names no option.
 */
export function isTls(value: unknown): string | null {
  const expected = shape(value);
  if (expected !== null) return expected;
  const { ca, pin, cert, key } = value as TlsOptions;
  if (ca !== undefined && pin !== undefined) return 'ca or pin, not both';
  if ((cert === undefined) !== (key === undefined)) return 'cert and key together';
  if (cert === undefined || key === undefined) return null;
  // The first certificate of a chain is the client's own.
  const isPair = new X509Certificate(cert).checkPrivateKey(createPrivateKey(key));
  return isPair ? null : 'key to be the key of cert';
}

function isPin(value: unknown): string | null {
  return isBytes32(value) ? null : 'a SHA-256 in base64url, 43 characters';
}

function isCertificates(value: unknown): string | null {
  const expected = 'certificates in PEM';
  if (!(value instanceof Uint8Array)) return expected;
  const { fault } = readCertificates(value);
  return fault === undefined ? null : `${expected} (it ${fault})`;
}

function isKey(value: unknown): string | null {
  const expected = 'a private key in PEM, without a passphrase';
  if (!(value instanceof Uint8Array)) return expected;
  try {
    createPrivateKey(Buffer.from(value));
    return null;
  } catch {
    return expected;
  }
}
