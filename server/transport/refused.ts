import type { IncomingHttpHeaders } from 'node:http2';
import type { ContactError } from '../../shared/errors.ts';
import type { Logger } from '../../shared/logger.ts';
import { LoggedRefusal } from '../access/refusals.ts';
import type { Caller } from '../model/caller.ts';
import type { EventCounts, RefusedFor } from '../model/figures.ts';
import type { Carrier } from './carrier.ts';

/** Tells of a call that was not let in, and of who made it where that is known. */
export type TellRefusal = (
  stream: Pick<Carrier, 'session'>,
  headers: IncomingHttpHeaders,
  error: ContactError,
  caller?: Caller,
) => void;

/** Tells a log, which has to keep its pace by itself. A fault of the server's own is told with its cause. */
export function createRefusalLog(log: Logger): TellRefusal {
  return (stream, headers, error, caller) => {
    const { remoteAddress, remotePort } = stream.session?.socket ?? {};
    const peer = remotePort === undefined ? remoteAddress : `${remoteAddress}:${remotePort}`;
    const method = String(headers[':path']).slice(0, 256);
    if (error.code === 'INTERNAL') {
      log.error({ err: error.cause ?? error, peer, method }, 'it could not be found out who calls');
      return;
    }
    log.warn(
      {
        ...{ peer, method, code: error.code, reason: error.advice?.reason },
        ...(caller && caller.principal !== '' && { principal: caller.principal, credential: caller.credentialId }),
        ...(error instanceof LoggedRefusal && error.logged),
      },
      'call refused',
    );
  };
}

/** Counts a call that is not let in, as soon as that is decided: its client need not wait to be told. */
export type CountRefusal = (headers: IncomingHttpHeaders, error: ContactError) => void;

export function createRefusalCount({ refusedCalls }: Pick<EventCounts, 'refusedCalls'>): CountRefusal {
  return (headers, error) => {
    refusedCalls[refusedFor(headers, error)] += 1;
  };
}

function refusedFor({ authorization }: IncomingHttpHeaders, { code, advice }: ContactError): RefusedFor {
  if (advice?.reason === 'REVOKED') return 'revoked';
  if (advice?.reason === 'EXPIRED') return 'expired';
  if (code === 'UNAUTHENTICATED') return authorization === undefined ? 'no_credential' : 'bad_credential';
  if (code === 'PERMISSION_DENIED') return 'role';
  if (code === 'RESOURCE_EXHAUSTED') return 'limit';
  return code === 'UNAVAILABLE' ? 'unchecked' : 'fault';
}
