import { createHash, generateKeyPairSync, type KeyObject, randomBytes, sign } from 'node:crypto';
import { isIP } from 'node:net';
import {
  addressBytes,
  bits,
  boolean,
  explicit,
  implicit,
  integer,
  octets,
  oid,
  sequence,
  set,
  text,
  time,
} from './der.ts';

/** A key pair on the curve P-256. */
export interface KeyPair {
  readonly publicKey: KeyObject;
  readonly privateKey: KeyObject;
}

/** Who signs a certificate. */
export interface Issuer {
  readonly commonName: string;
  readonly keys: KeyPair;
}

export interface CertificateOptions {
  readonly commonName: string;
  readonly keys: KeyPair;
  /** Absent: it signs itself. */
  readonly issuer?: Issuer;
  /** Milliseconds since 1970. */
  readonly validFrom: number;
  readonly validTo: number;
  /** Signs certificates of others, and is nobody's own. */
  readonly isAuthority?: boolean;
  /** Names and addresses that it is for. */
  readonly names?: readonly string[];
  /** What it proves its holder to be; default: a server. */
  readonly purpose?: 'server' | 'client';
}

const ECDSA_SHA256 = sequence(oid('1.2.840.10045.4.3.2'));
const PURPOSES = { server: '1.3.6.1.5.5.7.3.1', client: '1.3.6.1.5.5.7.3.2' } as const;
/** Bits of `keyUsage`, from the highest one. */
const MAY_SIGN_CERTIFICATES = { bits: 0x06, unused: 1 };
const MAY_SIGN = { bits: 0x80, unused: 7 };
/** An uncompressed point of P-256, at the end of its SPKI. */
const POINT_BYTES = 65;
const SERIAL_BYTES = 16;

export function generateKeys(): KeyPair {
  return generateKeyPairSync('ec', { namedCurve: 'P-256' });
}

/** A certificate of X.509 v3 in PEM, by the rules of RFC 5280. */
export function issueCertificate(options: CertificateOptions): string {
  const { commonName, keys, issuer = { commonName, keys }, validFrom, validTo } = options;
  const content = sequence(
    explicit(0, integer(2)),
    integer(drawSerial()),
    ECDSA_SHA256,
    writeName(issuer.commonName),
    sequence(time(validFrom), time(validTo)),
    writeName(commonName),
    keys.publicKey.export({ type: 'spki', format: 'der' }),
    explicit(3, sequence(...extensionsOf(options, issuer))),
  );
  const signature = sign('sha256', content, issuer.keys.privateKey);
  const der = sequence(content, ECDSA_SHA256, bits(signature));
  const lines = der.toString('base64').match(/.{1,64}/g) ?? [];
  return `-----BEGIN CERTIFICATE-----\n${lines.join('\n')}\n-----END CERTIFICATE-----\n`;
}

function extensionsOf(
  { keys, isAuthority, names = [], purpose = 'server' }: CertificateOptions,
  issuer: Issuer,
): Buffer[] {
  const usage = isAuthority ? MAY_SIGN_CERTIFICATES : MAY_SIGN;
  const keyIds = [
    extension('2.5.29.14', octets(keyId(keys.publicKey))),
    // Without it, strict verification refuses what an authority has signed.
    extension('2.5.29.35', sequence(implicit(0, keyId(issuer.keys.publicKey)))),
  ];
  return [
    // An authority below this one is not foreseen.
    extension('2.5.29.19', isAuthority ? sequence(boolean(true), integer(0)) : sequence(), true),
    extension('2.5.29.15', bits(Buffer.from([usage.bits]), usage.unused), true),
    ...keyIds,
    ...(isAuthority ? [] : [extension('2.5.29.37', sequence(oid(PURPOSES[purpose])))]),
    ...(names.length > 0 ? [extension('2.5.29.17', sequence(...names.map(writeAlternative)))] : []),
  ];
}

function extension(id: string, value: Buffer, isCritical = false): Buffer {
  return sequence(oid(id), ...(isCritical ? [boolean(true)] : []), octets(value));
}

function writeName(commonName: string): Buffer {
  return sequence(set(sequence(oid('2.5.4.3'), text(commonName))));
}

function writeAlternative(name: string): Buffer {
  return isIP(name) > 0 ? implicit(7, addressBytes(name)) : implicit(2, Buffer.from(name));
}

function keyId(key: KeyObject): Buffer {
  return createHash('sha1')
    .update(key.export({ type: 'spki', format: 'der' }).subarray(-POINT_BYTES))
    .digest();
}

function drawSerial(): Buffer {
  const serial = randomBytes(SERIAL_BYTES);
  // Positive, and as long as it was drawn.
  serial[0] = (serial[0]! & 0x7f) | 0x40;
  return serial;
}

/** SHA-256 of a public key (SPKI), base64url: 43 characters. */
export function pinOf(key: KeyObject): string {
  return createHash('sha256')
    .update(key.export({ type: 'spki', format: 'der' }))
    .digest('base64url');
}
