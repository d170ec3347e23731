import { X509Certificate } from 'node:crypto';

const CERTIFICATE = /-----BEGIN ((?:X509 |TRUSTED )?CERTIFICATE)-----[^-]*-----END \1-----/g;
const BEGIN = /-----BEGIN (?:X509 |TRUSTED )?CERTIFICATE-----/g;
const KEY = /-----BEGIN (?:[A-Z]+ )*PRIVATE KEY-----/;
const REQUEST = /-----BEGIN (?:NEW )?CERTIFICATE REQUEST-----/;
/** The first byte of a certificate in DER. */
const DER_SEQUENCE = 0x30;

/** What a text of certificates in PEM holds. */
export interface CertificateText {
  /** In their order; those before the fault, where there is one. */
  readonly certificates: readonly X509Certificate[];
  /** A private key stands in it too. */
  readonly hasKey: boolean;
  /** Why it cannot be used, said of the file or the option: `is empty`. Undefined: it can. */
  readonly fault: string | undefined;
}

/**
 * Reads certificates in PEM. TLS takes such a text up to the first line that it does not understand and says nothing, so that what
 * was cut off or is none has to be found here.
 */
export function readCertificates(bytes: Uint8Array | string): CertificateText {
  const text = typeof bytes === 'string' ? bytes : Buffer.from(bytes).toString('latin1');
  const blocks = text.match(CERTIFICATE) ?? [];
  const certificates: X509Certificate[] = [];
  const hasKey = KEY.test(text);
  for (const block of blocks) {
    try {
      certificates.push(new X509Certificate(block));
    } catch {
      const which = blocks.length > 1 ? `, number ${certificates.length + 1} of ${blocks.length}` : '';
      return { certificates, hasKey, fault: `has a certificate that cannot be read${which}` };
    }
  }
  const begun = text.match(BEGIN)?.length ?? 0;
  if (begun > blocks.length) return { certificates, hasKey, fault: 'has a certificate that is cut off' };
  return { certificates, hasKey, fault: blocks.length === 0 ? describeOther(text, hasKey) : undefined };
}

function describeOther(text: string, hasKey: boolean): string {
  if (text.trim() === '') return 'is empty';
  if (text.charCodeAt(0) === DER_SEQUENCE && text.includes('\0')) {
    return 'has no certificate in PEM, but something in DER (openssl x509 -inform der -outform pem makes it PEM)';
  }
  const other = hasKey ? ', but a private key' : REQUEST.test(text) ? ', but the request for one' : '';
  return `has no certificate in PEM${other}`;
}

/** `CN=a, O=b` of the lines in which Node.js has a name. */
export function writeName(name: string): string {
  return name.trim().replaceAll('\n', ', ');
}

/** Whether the key of `issuer` has signed it. */
export function isSignedBy(one: X509Certificate, issuer: X509Certificate): boolean {
  return one.checkIssued(issuer) && one.verify(issuer.publicKey);
}

/** Of a certificate that is not of the present: since when, or from when on it is; undefined: it is. @param now ms since 1970 */
export function describeTime({ validFromDate, validToDate }: X509Certificate, now: number): string | undefined {
  if (validToDate.getTime() <= now) return `has ended on ${validToDate.toISOString()}`;
  if (validFromDate.getTime() > now) return `begins on ${validFromDate.toISOString()} only`;
  return undefined;
}
