import { isCertificateName } from '../../shared/address.ts';
import { choice, duration, type Kind, list, Misread, optional, path, text } from './kinds.ts';
import { row } from './row.ts';
import { listOf, textsOf } from './values.ts';

// The options that say how the server proves that it is the server, as those of rows.ts.

/** Names of a certificate that may be given; those that it has by itself come to them. */
const MAX_GIVEN = 100;

export const TLS = {
  tls: row({
    kind: choice('auto', 'off'),
    default: 'off',
    description:
      'auto: ports speak TLS, by a certificate that the server makes beside the store, and renews, of an authority of its own',
  }),
  tlsName: row({
    kind: certificateNames(),
    default: [],
    description:
      'the certificate is for this name or address too, beside those that the server listens on; with --tls auto',
  }),
  tlsCert: row({
    kind: optional(path()),
    default: undefined,
    description: 'ports speak TLS by this certificate, with those above it, in PEM; read again when it changes',
  }),
  tlsKey: row({
    kind: optional(path()),
    default: undefined,
    description: 'the private key of that certificate, in PEM',
  }),
  tlsClientCa: row({
    kind: optional(path()),
    default: undefined,
    description: 'authorities of clients, in PEM: a client with a certificate of theirs is known by its name',
  }),
  tlsHandshakeMs: row({
    kind: duration(),
    default: 10_000,
    description: 'how long a client may take for its first word, and from then on for its handshake',
  }),
};

function certificateNames(): Kind<readonly string[]> {
  const expected = 'a name of DNS, such as tasks.example.org, or an IP address';
  const one = text('name', expected);
  const read = (given: string): string => {
    if (!isCertificateName(given)) throw new Misread(`Expected ${expected}`);
    return given;
  };
  const values = textsOf(expected, isCertificateName);
  const several = list({ ...one, values, isFree: false, read: ([given = '']) => read(given) });
  return { ...several, values: listOf(values, { max: MAX_GIVEN }) };
}
