import type { ContactError } from '../shared/errors.ts';

/** Whether an error says by itself what keeps TLS from coming about, with which server, and what to do about it. */
export function isFault({ advice, isMarked }: ContactError): boolean {
  return advice !== undefined && !isMarked;
}

/** Messages of Node, OpenSSL and grpc-js that tell a person nothing, and what they mean. Nothing is decided by them. */
const MEANINGS: readonly (readonly [RegExp, string])[] = [
  [/^Deadline exceeded/, 'no answer'],
  [/^Name resolution failed/, 'its name has no address (DNS)'],
  [/^Protocol error/, 'what listens there does not speak gRPC (HTTP/2)'],
  [/wrong version number|tls_validate_record_header|packet length too long/, 'what listens there does not speak TLS'],
  [/alert no application protocol/, 'what listens there speaks TLS, but not HTTP/2, which gRPC needs'],
  [/^Received HTTP status code (\d+)/, 'a proxy answered with HTTP status $1'],
];
/** Messages about a peer that hangs up before anything was said. */
const HUNG_UP = /^(?:Failed to connect|Client network socket disconnected)/;

/** Why a server could not be reached, in one line for people. */
export function describeTrouble({ message }: Pick<Error, 'message'>, isEncrypted: boolean): string {
  const plain = message
    .replace(/ \(\d{4}-\d\d-\d\dT[\d:.]+Z\)/, '')
    .replace(/^Error \[\w+\]: /, '')
    .trim();
  const [, proxy = ''] = /(, via proxy \S+)$/.exec(plain) ?? [];
  if (HUNG_UP.test(plain)) {
    const guess = isEncrypted ? 'no TLS, or no gRPC server, there?' : 'TLS, or no gRPC server, there?';
    return `the connection was closed at once (${guess})${proxy}`;
  }
  const known = MEANINGS.find(([form]) => form.test(plain));
  return known ? `${known[1].replace('$1', known[0].exec(plain)?.[1] ?? '')}${proxy}` : plain;
}

/** What somebody can do about a server out of reach, by how `describeTrouble()` says why. Nothing is decided by them. */
const ADVICE: readonly (readonly [RegExp, string])[] = [
  [/ECONNREFUSED|ENOENT/, 'is `contact serve` running there?'],
  [/no address \(DNS\)/, 'is the name spelt as it should be?'],
  [/self-signed certificate|unable to verify|unable to get (?:local )?issuer/, 'is its authority in `tls.ca`?'],
  [/does not speak TLS/, 'is it served without TLS? Then leave out `tls`'],
  [/TLS, or no gRPC server, there\?/, 'if it is served with TLS, give `tls`'],
  [/does not speak gRPC|with HTTP status/, 'is that the port of contact?'],
  [
    /ETIMEDOUT|EHOSTUNREACH|ENETUNREACH|no connection within|^no answer$/,
    'is the address right, and a firewall on the way?',
  ],
];

/** What somebody can do about a server that could not be reached, in brackets; empty: nothing is known. */
export function adviseTrouble(described: string): string {
  const known = ADVICE.find(([form]) => form.test(described));
  return known ? ` (${known[1]})` : '';
}
