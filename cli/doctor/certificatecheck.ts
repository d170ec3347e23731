import { type Complaint, examineAuthorities } from '../../shared/authorities.ts';
import { describeTime, readCertificates, writeName } from '../../shared/certificates.ts';
import type { CertificateFacts } from './facts.ts';
import { cut, type Finding, note, wrong } from './finding.ts';

const DAY_MS = 86_400_000;
/** Of the certificate of a client, which somebody has to renew. */
const SOON_MS = 14 * DAY_MS;

/** What is wrong with the files of certificates that this command was given for TLS; one that cannot be read is refused before. */
export function checkCertificates({ ca, cert, now }: CertificateFacts): readonly Finding[] {
  const complaints = [
    ...(ca ? examineAuthorities(readCertificates(ca.bytes), { path: ca.path, whose: 'servers', now }) : []),
    ...(cert ? examineOwn(cert, now) : []),
  ];
  return cut(
    complaints.map(({ what, advice, isHarmless }) => (isHarmless ? note : wrong)('certificate', what, advice)),
  );
}

/** The first is the client's own; what is behind it leads to who has signed it. */
function examineOwn({ path, bytes }: NonNullable<CertificateFacts['cert']>, now: number): readonly Complaint[] {
  return readCertificates(bytes).certificates.flatMap((one): readonly Complaint[] => {
    const name = `${writeName(one.subject)} in ${path}`;
    const time = describeTime(one, now);
    const left = one.validToDate.getTime() - now;
    if (time !== undefined && left > 0)
      return [{ what: `${name} ${time}`, advice: 'is the clock of this machine right?' }];
    if (time !== undefined) return [{ what: `${name} ${time}: servers refuse it`, advice: 'have it renewed' }];
    if (left > SOON_MS) return [];
    const what = `${name} ends on ${one.validToDate.toISOString()}, in ${Math.floor(left / DAY_MS)} days`;
    return [{ what, advice: 'have it renewed, and start the programs anew that have it' }];
  });
}
