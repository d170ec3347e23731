import { ChurnMap } from '../../shared/churn.ts';
import { type Callers, createCallers } from './callers.ts';
import { type Grants, grantedTo } from './grants.ts';
import { OVER } from './refusals.ts';

/** Certificates whose callers are remembered; beyond that the oldest go. */
const MAX_REMEMBERED = 10_000;

/** Says what the holder of a certificate may by its name; null: no pattern of `grants` means that. */
export type CallersOfCertificate = (name: string, expiresAt: number) => Callers | null;

export function createCertificateReader(grants: Grants, now: () => number): CallersOfCertificate {
  const callersByName = new ChurnMap<string, Callers | null>();

  return (name, expiresAt) => {
    // A connection may outlive the certificate that it was opened with.
    if (expiresAt <= now()) throw OVER;
    const key = `${expiresAt}:${name}`;
    const known = callersByName.get(key);
    if (known !== undefined) return known;
    const rights = grantedTo([name], grants, name);
    const holder = { principal: `cert:${name}`, kind: 'certificate', expiresAt } as const;
    const callers = rights.length === 0 ? null : createCallers({ ...holder, rights });
    if (callersByName.size >= MAX_REMEMBERED) {
      const [oldest] = callersByName;
      if (oldest) callersByName.delete(oldest[0]);
    }
    callersByName.set(key, callers);
    return callers;
  };
}
