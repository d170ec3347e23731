import type { ConstantRow } from './limits.ts';

/** Of identity and rights. */
export const ACCESS_CONSTANTS: readonly ConstantRow[] = [
  ["patterns of each list of a credential's rights", 'server/model/access.ts', 'MAX_PATTERNS', 'MAX_PATTERN_LENGTH'],
  ['principals whose rate is', 'server/api/rates.ts', 'MAX_REMEMBERED'],
  ['tasks that wait, ready or scheduled', 'server/store/sqlite/rows/catalog.ts', 'MAX_WAITING'],
  ['credentials that are stored', 'server/store/credential/room.ts', 'MAX_CREDENTIALS', 'FORGET_EVERY'],
  ['of those, credentials that count for one principal', 'server/store/credential/room.ts', 'MAX_PER_MAKER'],
  ['credentials of one client that live', 'server/store/credentials.ts', 'MAX_LIVING'],
  ['of those, kept for operators', 'server/transport/connection_limits.ts', 'MOST_RESERVED'],
  ['time that a client which was told to go', 'server/transport/connections.ts', 'LAST_WORD_MS'],
  ['refusals for want of a credential of one connection', 'server/transport/gate.ts', 'MAX_REFUSALS'],
  ['streams of callers without', 'server/transport/public_calls.ts', 'MAX_WATCHES', 'MAX_PER_CONNECTION'],
  ['health checks of callers without', 'server/transport/public_calls.ts', 'MAX_CHECKS', 'CHECK_MS'],
  ['handshakes begun in one turn', 'server/transport/handshakes.ts', 'PER_TURN'],
  ['names of a certificate', 'server/tls/names.ts', 'MAX_NAMES'],
];

/** Constants of identity and rights that are named like bounds and have no row, and why. */
export const ACCESS_REASONS: Readonly<Record<string, string>> = {
  'server/config/encryption.ts MAX_GIVEN': 'the row of the names of a certificate has it',
  'server/store/credential/credentials.ts MAX_ROWS': 'rows of a page of the store',
  'server/store/credential/credentials.ts MAX_RETRY_MS': 'the longest time that a refusal names',
  'server/store/credential/room.ts MAX_RETRY_MS': 'the longest time that a refusal names',
  'server/store/credential/lineage.ts MAX_REPLACED': 'longer than any chain whose overlaps are not over',
  'server/store/credential/credentials.ts MAX_COUNTED':
    'of those that live on: where more do, their number says enough',
  'server/transport/gate.ts MAX_WAITING': 'as many refusals are late; one more closes its connection at once',
  'server/api/access.ts MAX_PAGE': 'as every page of operators',
  'server/api/access.ts MAX_USES': 'INVALID_ARGUMENT naming uses, as many as there are credentials',
  'server/api/access.ts MAX_OVERLAP_SECONDS': 'INVALID_ARGUMENT naming overlap_seconds',
  'server/api/credentials.ts HASH_BYTES': 'of SHA-256',
  'server/api/credentials.ts MAX_SECONDS': '100 years, which nobody waits for',
  'server/access/authenticate.ts MAX_LENGTH': "of a token: longer ones are nobody's",
  'server/access/callers.ts MAX_CLIENTS': 'what is forgotten is made again by the next call',
  'server/access/certificates.ts MAX_REMEMBERED': 'what is forgotten is made again by the next call',
  'server/access/jwt.ts MAX_REMEMBERED': 'a token that is forgotten is checked again',
  'server/access/jwt.ts MAX_CHECKS':
    'UNAVAILABLE for tokens that were not seen before, for as long as the others wait for keys',
  'server/access/signature.ts MAX_TRIED': 'UNAVAILABLE, and the log says to name the keys',
  'server/access/standing.ts MAX_NOTED': 'beyond it all that runs is looked at once a second',
  'server/api/worker.ts MAX_SHOWN': 'of an id in the log',
  'server/access/token.ts SECRET_BYTES': 'of a secret',
  'server/encryption.ts MAX_FOLDER_BYTES': 'the row of the path of a socket file has it',
  'server/tls/source.ts MAX_TOLD':
    'lines of the log a day about files of certificates; `contact serve --check` has all',
  'server/api/serverinfo.ts MAX_PROBLEMS': 'the contract has it; `contact serve --check` has all',
  'server/tls/certificate.ts POINT_BYTES': 'a number of P-256',
  'server/tls/certificate.ts SERIAL_BYTES': 'drawn by the server itself',
  'server/config/problems.ts MAX_PROBLEMS': 'told of one file, and how many there are beyond',
  'server/config/file.ts MAX_KEY_LENGTH': 'of a key that a near name is looked for of',
  'server/config/sources.ts MAX_QUOTED': 'of a wrong value in its refusal',
  'server/tls/secretfile.ts MAX_BYTES': 'of files that the server itself writes',
};

/** Options of identity and rights that bound nothing. */
export const ACCESS_OPTIONS: readonly string[] = [
  'auth',
  'insecure',
  'operatorSocket',
  'tls',
  'tlsName',
  'tlsCert',
  'tlsKey',
  'tlsClientCa',
  'jwks',
  'jwtIssuer',
  'jwtAudience',
  'jwtPrincipalClaim',
  'jwtRolesClaim',
  'jwtGrants',
  'certificateGrants',
];
