import { type Mutant, transport, unit } from './mutant.ts';

/** A mutant for each check that keeps others out of a connection, or what is secret out of it. */
export const TLS_MUTANTS: readonly Mutant[] = [
  {
    id: 'tls: pin of an authority that signed nothing',
    file: 'client/pin.ts',
    find: '!own.checkIssued(authority) || !own.verify(authority.publicKey) || ',
    replace: '',
    caughtBy: transport('tls-server', 'is not met by an authority that is sent along and has signed nothing'),
  },
  {
    id: 'tls: pin without a name',
    file: 'client/pin.ts',
    find: 'return isFor === undefined',
    replace: 'return isFor === null',
    caughtBy: transport(
      'tls-server',
      'holds for the name of the server, which may be another one than it is reached by',
    ),
  },
  {
    id: 'tls: pin looked at too late',
    file: 'client/credentials.ts',
    find: 'if (fault === undefined) {',
    replace: 'if (fault === undefined || fault) {',
    caughtBy: transport('tls-server', 'that is wrong has the client send no byte of its own'),
  },
  {
    id: 'tls: server of an unknown authority',
    file: 'client/tlsfault.ts',
    find: 'if (socket.authorized) return undefined;',
    replace: 'if (socket.authorized || host) return undefined;',
    caughtBy: transport('tls-faults', 'ends all that waits for the server at once, with the same error'),
  },
  {
    id: 'tls: a fault that ends who has worked',
    file: 'client/faults.ts',
    find: '!mayPass && !hasWorked() &&',
    replace: '!mayPass &&',
    caughtBy: transport(
      'tls-faults',
      'is waited for where the certificate is not of the present, and where the server has worked before',
    ),
  },
  {
    id: 'tls: a fault of one address that ends all',
    file: 'client/faults.ts',
    find: ' && faulty.size === servers.length',
    replace: '',
    caughtBy: transport('tls-faults', 'at one address has a client go on to the next, and at all of them ends it'),
  },
  {
    id: 'tls: certificate of a client that is not valid',
    file: 'server/transport/handshakes.ts',
    find: 'if (!socket.authorized && (isShown || requiresCertificate)) {',
    replace: 'if (!socket.authorized && !isShown && requiresCertificate) {',
    caughtBy: transport('tls-certificates', 'say who it is, beside tokens, on one port'),
  },
  {
    id: 'tls: no certificate and no token',
    file: 'server/transport/handshakes.ts',
    find: '(isShown || requiresCertificate)',
    replace: 'isShown',
    caughtBy: transport('tls-certificates', 'are needed where nobody is asked for a token'),
  },
  {
    id: 'tls: silent for ever',
    file: 'server/transport/handshakes.ts',
    find: 'if (silent.has(socket)) socket.destroy();',
    replace: '',
    caughtBy: transport(
      'tls-server',
      'closes who says nothing, begins a handshake and stops, or speaks no TLS, and serves others meanwhile',
    ),
  },
  {
    id: 'tls: a socket file is born where others may enter',
    file: 'server/transport/socket_file.ts',
    find: 'mkdirSync(folder, { mode: 0o700 });',
    replace: 'mkdirSync(folder);',
    caughtBy: transport('unix', 'cannot be reached by others before it is published either'),
  },
  {
    id: 'tls: any socket file is the operator',
    file: 'server/transport/sockets.ts',
    find: "if (kind === 'operators') markOperator(socket);",
    replace: "if (kind !== 'port') markOperator(socket);",
    caughtBy: transport(
      'tls-certificates',
      'is for operators where it is theirs, and not where the server listens on it for others',
    ),
  },
  {
    id: 'tls: authority key identifier left out',
    file: 'server/tls/certificate.ts',
    find: "extension('2.5.29.35', sequence(implicit(0, keyId(issuer.keys.publicKey)))),",
    replace: '',
    caughtBy: unit('certificates', 'makes what openssl verifies strictly, for servers and for clients'),
  },
  {
    id: 'tls: key that others may read',
    file: 'server/tls/secretfile.ts',
    find: 'if ((mode & OTHERS) !== 0)',
    replace: 'if (mode < 0)',
    caughtBy: unit(
      'certificates',
      'makes no new authority where its file is damaged, and refuses what others could have read or written',
    ),
  },
  {
    id: 'tls: pair that does not fit',
    file: 'server/tls/identity.ts',
    find: "if (!own.checkPrivateKey(readKey(key))) throw refused('the private key is not that of the certificate');",
    replace: '',
    caughtBy: unit('certificates', 'refuses a pair that is none, or not of the present, and tells no key'),
  },
  {
    id: 'tls: an authority that has not begun',
    file: 'server/tls/authority.ts',
    find: 'validFromDate.getTime() <= now && ',
    replace: '',
    caughtBy: unit(
      'certificates',
      'makes anew what was made while the clock ran ahead, the authority too; the pin stays',
    ),
  },
  {
    id: 'tls: the leaf alone is looked at',
    file: 'server/tls/identity.ts',
    find: 'Math.max(2, path.length - 1)',
    replace: '1',
    caughtBy: unit('certificates', 'looks at those above the certificate too, which end and begin as well'),
  },
  {
    id: 'tls: token in plaintext',
    file: 'client/plaintext.ts',
    find: 'if (address && isLocal(address)) return;',
    replace: 'if (address) return;',
    caughtBy: unit('exposure', 'goes to this machine alone, unless its user says otherwise'),
  },
  {
    id: 'tls: open to everybody',
    file: 'server/exposure.ts',
    find: "if (auth === 'off' && beyond && !insecure) {",
    replace: "if (auth === 'off' && beyond && !insecure && !isEncrypted) {",
    caughtBy: unit('exposure', 'refuses to let in anybody from anywhere, with TLS too, and says what to do'),
  },
];
