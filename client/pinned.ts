import { readCertificates } from '../shared/certificates.ts';
import { invalid } from '../shared/errors.ts';
import { pinOf } from './pin.ts';
import type { TlsOptions } from './tls.ts';

/**
 * What is to be encrypted as the options say, with the pin of a join text or of a credential file: whoever has that pin
 * must not send its secret to a server that any other authority vouches for. INVALID_ARGUMENT: the options trust another.
 */
export function holdPin(given: TlsOptions | undefined, pin: string): TlsOptions {
  const { ca, ...rest } = given ?? {};
  const isOther = (rest.pin !== undefined && rest.pin !== pin) || (ca !== undefined && !hasPin(ca, pin));
  if (isOther) {
    throw invalid('tls', 'trusts another authority than the join text or the credential file has pinned: leave it out');
  }
  return { ...rest, pin };
}

function hasPin(ca: Buffer, pin: string): boolean {
  return readCertificates(ca).certificates.some((one) => pinOf(one) === pin);
}
