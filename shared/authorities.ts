import type { X509Certificate } from 'node:crypto';
import { type CertificateText, describeTime, isSignedBy, writeName } from './certificates.ts';

const DAY_MS = 86_400_000;
/** Of an authority with less left its users have to hear: each needs a certificate of the next one by then. */
const SOON_MS = 30 * DAY_MS;

/** Something about a file of certificates that is to be mended, although TLS takes it. */
export interface Complaint {
  /** A sentence without its full stop. */
  readonly what: string;
  readonly advice: string;
  /** Nobody is refused for it. */
  readonly isHarmless?: true;
}

export interface AuthorityUse {
  /** Where they are from, as it is named in what is said. */
  readonly path: string;
  /** Whose certificates are judged by them. */
  readonly whose: 'clients' | 'servers';
  /** Milliseconds since 1970. */
  readonly now: number;
}

/**
 * What is wrong with the authorities by which others are let in or trusted: of TLS nobody hears of it before somebody is refused,
 * and who runs a server should hear of it sooner. Each is named with its subject and its dates.
 */
export function examineAuthorities(
  { certificates, hasKey }: Pick<CertificateText, 'certificates' | 'hasKey'>,
  { path, whose, now }: AuthorityUse,
): readonly Complaint[] {
  // A file of authorities of the whole world has some hundred, of which each is looked up by its name.
  const bySubject = Map.groupBy(certificates, ({ subject }) => subject);
  const seen = new Set<string>();
  const refused = `${whose} whose certificates it has signed are refused`;

  function* complainOf(one: X509Certificate): Generator<Complaint> {
    const name = `${writeName(one.subject)} in ${path}`;
    if (seen.has(one.fingerprint256)) {
      yield { what: `${name} is there twice`, advice: 'take one of them out', isHarmless: true };
      return;
    }
    seen.add(one.fingerprint256);
    const isSelf = one.subject === one.issuer;
    if (!one.ca && !(isSelf && whose === 'servers')) {
      const itself = isSelf ? 'it counts for itself alone' : 'it counts for nothing';
      const advice = `put the certificate of who signs ${whose} in its place${isSelf ? '' : `: ${writeName(one.issuer)}`}`;
      yield { what: `${name} is no authority (CA:FALSE): ${itself}`, advice };
      return;
    }
    if (!isSelf && !(bySubject.get(one.issuer) ?? []).some((above) => isSignedBy(one, above))) {
      const above = writeName(one.issuer);
      yield {
        what: `${name} is signed by ${above}, which is not there: ${refused}`,
        advice: `put that of ${above} there`,
      };
      return;
    }
    const time = describeTime(one, now);
    const successor = bySubject.get(one.subject)?.find((other) => other !== one && isSuccessor(one, other, now));
    if (time !== undefined && successor) {
      const end = successor.validToDate.toISOString();
      yield {
        what: `${name} ${time}; the one of the same key that ends on ${end} counts`,
        advice: 'take the other one out',
        isHarmless: true,
      };
    } else if (time !== undefined) {
      const isOver = one.validToDate.getTime() <= now;
      const advice = isOver
        ? 'put its next certificate there, or take it out if nobody has one of it any more'
        : 'is the clock of this machine right?';
      yield { what: `${name} ${time}: ${refused}`, advice };
    } else if (one.validToDate.getTime() - now < SOON_MS && !successor) {
      const days = Math.floor((one.validToDate.getTime() - now) / DAY_MS);
      const what = `${name} ends on ${one.validToDate.toISOString()}, in ${days === 1 ? '1 day' : `${days} days`}: then ${refused}`;
      yield { what, advice: 'put its next certificate beside it now, and have certificates that are of it made anew' };
    }
  }

  const found = certificates.flatMap((one) => [...complainOf(one)]);
  if (!hasKey) return found;
  const advice = 'take it out, and make another one if others than its owner could read the file';
  return [...found, { what: `${path} has a private key in it, which is not needed there`, advice }];
}

/** Whether it goes on where the other one has ended or is to begin: the same name and key, and of the present. */
function isSuccessor(one: X509Certificate, other: X509Certificate, now: number): boolean {
  const isLonger = other.validToDate.getTime() - now >= SOON_MS || describeTime(one, now) !== undefined;
  return isLonger && describeTime(other, now) === undefined && other.publicKey.equals(one.publicKey);
}
