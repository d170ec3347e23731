import assert from 'node:assert/strict';
import { X509Certificate } from 'node:crypto';
import { describe, it } from 'mocha';
import { generateKeys, type Issuer, issueCertificate } from '../../server/tls/certificate.ts';
import { checkIdentity } from '../../server/tls/identity.ts';

const DAY_MS = 86_400_000;

describe('checkIdentity()', () => {
  const keys = generateKeys();
  const key = keys.privateKey.export({ type: 'pkcs8', format: 'pem' }) as string;
  const now = Date.now();
  const make = (validFrom: number, validTo: number): string =>
    issueCertificate({ commonName: 'one', keys, validFrom, validTo, names: ['a.test'] });
  const cert = make(now - DAY_MS, now + DAY_MS);

  it('refuses a pair that is none, or not of the present, and tells no key', () => {
    const other = generateKeys().privateKey.export({ type: 'pkcs8', format: 'pem' }) as string;
    const rows: [Parameters<typeof checkIdentity>[0], RegExp][] = [
      [{ cert, key: other }, /not that of the certificate/],
      [{ cert, key: 'x' }, /no private key/],
      [{ cert: key, key }, /no certificate in PEM/],
      [{ cert: `${cert.slice(0, 200)}\n-----END CERTIFICATE-----\n`, key }, /cannot be read/],
      [{ cert: make(now - 2 * DAY_MS, now - DAY_MS), key }, /has ended on/],
      [{ cert: make(now + DAY_MS, now + 2 * DAY_MS), key }, /begins on/],
      [{ cert, key, clientCa: 'x' }, /tlsClientCa/],
    ];
    for (const [given, words] of rows) {
      assert.throws(
        () => checkIdentity(given, now),
        (error: Error) => words.test(error.message) && !error.message.includes('PRIVATE'),
      );
    }
  });

  it('looks at those above the certificate too, which end and begin as well', () => {
    const [root, middle] = [1, 2].map((n) => ({ commonName: `authority ${n}`, keys: generateKeys() })) as [
      Issuer,
      Issuer,
    ];
    const sign = (one: Issuer, issuer: Issuer, from: number, to: number): string => {
      const span = { validFrom: now + from * DAY_MS, validTo: now + to * DAY_MS };
      return issueCertificate({ ...one, issuer, ...span, isAuthority: one !== own });
    };
    const own = { commonName: 'one', keys };
    const leaf = sign(own, middle, -1, 90);
    const open = (above: string) => checkIdentity({ cert: leaf + above, key }, now);
    assert.throws(
      () => open(sign(middle, root, -90, -1)),
      /certificate of CN=authority 2 above it in the certificate file has ended on/,
    );
    assert.throws(
      () => open(sign(middle, root, 1, 90)),
      /certificate of CN=authority 2 above it in the certificate file begins on/,
    );
    const good = sign(middle, root, -1, 20);
    assert.equal(open(good).expiresAt, new X509Certificate(good).validToDate.getTime());
    // Who trusts no more than the one that is missing at its end cannot get there.
    const top = sign(root, root, -1, 90);
    assert.deepEqual(
      ['', good, top, good + top, top + good].map((above) => open(above).missing),
      ['CN=authority 2', 'CN=authority 1', 'CN=authority 2', undefined, undefined],
    );
    assert.equal(checkIdentity({ cert, key }, now).missing, undefined);
    // Clients have the root themselves, with other dates; one that signed nothing here is nobody's way.
    assert.equal(open(good + sign(root, root, -90, -1)).expiresAt, open(good).expiresAt);
    assert.equal(open(good + make(now - 2 * DAY_MS, now - DAY_MS)).expiresAt, open(good).expiresAt);
  });

  it('tells what clients refuse, and what is sent to them for nothing', () => {
    const span = { validFrom: now - DAY_MS, validTo: now + 90 * DAY_MS };
    const said = (...certs: string[]) =>
      checkIdentity({ cert: certs.join(''), key }, now)
        .examine(now)
        .map(({ what, isHarmless, option }) => `${option} ${isHarmless ? 'harmless' : 'wrong'}: ${what}`);
    const own = { commonName: 'one', keys, ...span };
    assert.deepEqual(said(issueCertificate({ ...own, names: ['a.test'] })), []);
    const where = 'CN=one in the certificate file';
    assert.deepEqual(said(issueCertificate({ ...own, names: ['a.test'], purpose: 'client' })), [
      `tlsCert wrong: ${where} is not for servers: clients refuse it`,
    ]);
    assert.deepEqual(said(issueCertificate(own)), [
      `tlsCert wrong: ${where} has no name of a server (subjectAltName): clients refuse it`,
    ]);
    const other = issueCertificate({ ...own, commonName: 'x', keys: generateKeys(), isAuthority: true });
    assert.deepEqual(said(cert, other), [
      'tlsCert harmless: CN=x in the certificate file has signed none of those before it, and is sent for nothing',
    ]);
  });

  it('has a pin where the root that signed it is sent with it, and none else', () => {
    assert.equal(checkIdentity({ cert, key }, now).authority.pin, '');
    const stranger = issueCertificate({
      commonName: 'x',
      keys: generateKeys(),
      validFrom: now,
      validTo: now + DAY_MS,
      isAuthority: true,
    });
    assert.equal(checkIdentity({ cert: cert + stranger, key }, now).authority.pin, '');
  });
});
