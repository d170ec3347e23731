import { writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { generateKeys, type Issuer, issueCertificate } from '../../server/tls/certificate.ts';

const DAY_MS = 86_400_000;

/** A certificate and its key, in PEM. */
export interface Signed {
  readonly cert: Buffer;
  readonly key: Buffer;
}

export interface SignOptions {
  readonly purpose?: 'server' | 'client';
  /** Default: `a.test` where it is for a server. */
  readonly names?: readonly string[];
  /** Days until it ends; negative: it has ended. Default 30. */
  readonly days?: number;
  /** Days until it begins; default -10. */
  readonly daysAhead?: number;
}

/** An authority of a test. */
export interface TestAuthority {
  /** Its certificate in PEM. */
  readonly cert: Buffer;
  sign(commonName: string, options?: SignOptions): Signed;
}

export function createTestAuthority(commonName = 'authority of a test'): TestAuthority {
  const issuer: Issuer = { commonName, keys: generateKeys() };
  const span = (days: number, daysAhead = -10) => ({
    validFrom: Date.now() + daysAhead * DAY_MS,
    validTo: Date.now() + days * DAY_MS,
  });
  return {
    cert: Buffer.from(issueCertificate({ ...issuer, isAuthority: true, ...span(100) })),
    sign(name, { days = 30, daysAhead, ...options } = {}) {
      const keys = generateKeys();
      const names = options.purpose === 'client' ? [] : ['a.test'];
      const cert = issueCertificate({ commonName: name, keys, issuer, ...span(days, daysAhead), names, ...options });
      return {
        cert: Buffer.from(cert),
        key: Buffer.from(keys.privateKey.export({ type: 'pkcs8', format: 'pem' })),
      };
    },
  };
}

/** Writes them as `cert.pem` and `key.pem`; answers the paths as options of a server have them. */
export function writePair(
  folder: string,
  { cert, key }: Signed,
): { readonly tlsCert: string; readonly tlsKey: string } {
  const paths = { tlsCert: join(folder, 'cert.pem'), tlsKey: join(folder, 'key.pem') };
  writeFileSync(paths.tlsCert, cert);
  writeFileSync(paths.tlsKey, key, { mode: 0o600 });
  return paths;
}
