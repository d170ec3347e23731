import { X509Certificate } from 'node:crypto';
import { invalid } from '../shared/errors.ts';
import { pinOf } from './pin.ts';
import { CERTIFICATE, type TlsOptions } from './tls.ts';

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
  const found = Buffer.from(ca).toString('latin1').match(CERTIFICATE) ?? [];
  return found.some((one) => pinOf(new X509Certificate(one)) === pin);
}
