import assert from 'node:assert/strict';
import type { AddressInfo } from 'node:net';
import { connect, createServer } from 'node:tls';
import { generateKeys, type Issuer, issueCertificate } from '../../server/tls/certificate.ts';
import { examineAuthorities } from '../../shared/authorities.ts';
import { readCertificates } from '../../shared/certificates.ts';

const DAY_MS = 86_400_000;
const NOW = Date.now();

interface Made extends Issuer {
  readonly cert: string;
  readonly key: string;
}

interface Making {
  readonly issuer?: Issuer;
  readonly keys?: Issuer['keys'];
  /** Days until it begins and ends. */
  readonly from?: number;
  readonly to?: number;
  readonly isAuthority?: boolean;
  readonly purpose?: 'client';
  readonly names?: readonly string[];
}

function make(commonName: string, { from = -10, to = 300, keys = generateKeys(), ...rest }: Making = {}): Made {
  const span = { validFrom: NOW + from * DAY_MS, validTo: NOW + to * DAY_MS };
  const cert = issueCertificate({ commonName, keys, ...span, ...rest });
  return { commonName, keys, cert, key: keys.privateKey.export({ type: 'pkcs8', format: 'pem' }) as string };
}

const SERVER = make('server', { names: ['127.0.0.1'] });

/** Whether TLS takes the certificate of a client by these authorities. */
async function isTaken(ca: string, { cert, key }: Made): Promise<boolean> {
  const server = createServer({ ...SERVER, ca, requestCert: true, rejectUnauthorized: false });
  await new Promise<void>((resolve) => server.listen(0, '127.0.0.1', resolve));
  const { port } = server.address() as AddressInfo;
  try {
    return await new Promise<boolean>((resolve, reject) => {
      server.on('secureConnection', (socket) => {
        resolve(socket.authorized);
        socket.destroy();
      });
      const client = connect({ port, host: '127.0.0.1', cert, key, rejectUnauthorized: false });
      client.on('error', () => undefined);
      server.on('tlsClientError', reject);
    });
  } finally {
    server.close();
  }
}

describe('examineAuthorities()', () => {
  const root = make('root', { isAuthority: true });
  const leaf = make('leaf', { issuer: root, purpose: 'client' });
  const again = (from: number, to: number): Made => make('root', { isAuthority: true, keys: root.keys, from, to });
  const top = make('top', { isAuthority: true });
  const middle = make('middle', { isAuthority: true, issuer: top });
  const ofMiddle = make('leaf', { issuer: middle, purpose: 'client' });
  const self = make('self', { purpose: 'client' });
  const ofSelf = make('leaf', { issuer: self, purpose: 'client' });

  const cases: readonly {
    readonly it: string;
    readonly pem: string;
    readonly client: Made;
    readonly isIn: boolean;
    readonly says: readonly (readonly [RegExp, RegExp])[];
  }[] = [
    { it: 'has nothing to say of one that is right', pem: root.cert, client: leaf, isIn: true, says: [] },
    {
      it: 'says that one has ended',
      pem: again(-50, -1).cert,
      client: leaf,
      isIn: false,
      says: [[/^CN=root in ca\.pem has ended on \d{4}-.*Z: clients whose certificates .* are refused$/, /next cert/]],
    },
    {
      it: 'says that one is to begin',
      pem: again(1, 50).cert,
      client: leaf,
      isIn: false,
      says: [[/^CN=root in ca\.pem begins on \d{4}-.*Z only: clients .* are refused$/, /clock/]],
    },
    {
      it: 'says that one ends within a month, as long as nothing follows it',
      pem: again(-300, 20).cert,
      client: leaf,
      isIn: true,
      says: [[/^CN=root in ca\.pem ends on \d{4}-.*Z, in (?:19|20) days: then clients/, /beside it now/]],
    },
    {
      it: 'has nothing to say of one that ends and has its next beside it',
      pem: again(-300, 20).cert + root.cert,
      client: leaf,
      isIn: true,
      says: [],
    },
    {
      it: 'says that one has ended whose next is beside it, and that it may be taken out',
      pem: again(-50, -1).cert + root.cert,
      client: leaf,
      isIn: true,
      says: [
        [/^CN=root in ca\.pem has ended on .*; the one of the same key that ends on .* counts$/, /take the other/],
      ],
    },
    {
      it: 'says that one is there twice',
      pem: root.cert + root.cert,
      client: leaf,
      isIn: true,
      says: [[/^CN=root in ca\.pem is there twice$/, /take one/]],
    },
    {
      it: 'says that one is no authority, and counts for nothing',
      pem: leaf.cert,
      client: leaf,
      isIn: false,
      says: [[/^CN=leaf in ca\.pem is no authority \(CA:FALSE\): it counts for nothing$/, /: CN=root$/]],
    },
    {
      it: 'says that one is no authority, and lets in itself alone',
      pem: self.cert,
      client: self,
      isIn: true,
      says: [[/^CN=self in ca\.pem is no authority \(CA:FALSE\): it counts for itself alone$/, /in its place$/]],
    },
    {
      it: 'says so of what such a one has signed',
      pem: self.cert,
      client: ofSelf,
      isIn: false,
      says: [[/^CN=self .* itself alone$/, /in its place$/]],
    },
    {
      it: 'says that the one above is missing',
      pem: middle.cert,
      client: ofMiddle,
      isIn: false,
      says: [[/^CN=middle in ca\.pem is signed by CN=top, which is not there: clients .* are refused$/, /of CN=top/]],
    },
    {
      it: 'says so also where one of that name is there, with another key',
      pem: middle.cert + make('top', { isAuthority: true }).cert,
      client: ofMiddle,
      isIn: false,
      says: [[/^CN=middle in ca\.pem is signed by CN=top, which is not there/, /of CN=top/]],
    },
    {
      it: 'says that a private key is in it',
      pem: root.cert + root.key,
      client: leaf,
      isIn: true,
      says: [[/^ca\.pem has a private key in it/, /take it out/]],
    },
  ];
  for (const { it: title, pem, client, isIn, says } of cases) {
    it(`${title}: as TLS has it`, async () => {
      const text = readCertificates(pem);
      assert.equal(text.fault, undefined);
      const found = examineAuthorities(text, { path: 'ca.pem', whose: 'clients', now: NOW });
      assert.equal(found.length, says.length, JSON.stringify(found));
      for (const [at, [what, advice]] of says.entries()) {
        assert.match(found[at]!.what, what);
        assert.match(found[at]!.advice, advice);
      }
      assert.equal(await isTaken(pem, client), isIn);
      // What is harmless keeps nobody out.
      if (!isIn) assert.ok(found.some(({ isHarmless }) => !isHarmless));
    });
  }

  it('has nothing to say of a server that is trusted by itself', () => {
    const own = readCertificates(make('own', { names: ['a.test'] }).cert);
    assert.deepEqual(examineAuthorities(own, { path: 'ca.pem', whose: 'servers', now: NOW }), []);
  });
});

describe('readCertificates()', () => {
  const { cert, key } = make('one', { isAuthority: true });

  it('takes what TLS takes: other labels, lines between, another end of lines', () => {
    for (const text of [
      cert.replaceAll('CERTIFICATE', 'X509 CERTIFICATE'),
      cert.replaceAll('CERTIFICATE', 'TRUSTED CERTIFICATE'),
      `subject=CN = one\n${cert}`,
      cert.replaceAll('\n', '\r\n'),
    ]) {
      const { certificates, fault } = readCertificates(text);
      assert.deepEqual([certificates.length, fault], [1, undefined], text);
    }
  });

  it('says what is wrong with what is none', () => {
    const der = Buffer.from(cert.replace(/-----.*-----|\n/g, ''), 'base64');
    const rows: readonly (readonly [string | Uint8Array, RegExp])[] = [
      ['', /^is empty$/],
      [' \n', /^is empty$/],
      ['hello', /^has no certificate in PEM$/],
      [key, /^has no certificate in PEM, but a private key$/],
      ['-----BEGIN CERTIFICATE REQUEST-----\nMIIB\n-----END CERTIFICATE REQUEST-----\n', /but the request for one$/],
      [der, /^has no certificate in PEM, but something in DER/],
      [cert + cert.slice(0, 200), /^has a certificate that is cut off$/],
      [cert.slice(0, 200), /^has a certificate that is cut off$/],
      [cert + cert.replace(/MII.{20}/, 'AAAA'), /^has a certificate that cannot be read, number 2 of 2$/],
    ];
    for (const [text, words] of rows) assert.match(String(readCertificates(text).fault), words);
  });
});
