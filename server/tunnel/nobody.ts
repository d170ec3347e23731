import { ContactError } from '../../shared/errors.ts';
import type { Wanted } from './callee.ts';
import type { Nobody, ServedServices } from './callees.ts';
import { serviceOf } from './methods.ts';

/** What a caller is told of a method that nobody has announced, and what can be done. */
export function explainUnknown(method: string, { isServed }: Pick<ServedServices, 'isServed'>): string {
  const service = serviceOf(method);
  const why =
    isServed(service) === undefined
      ? `no client has announced ${service}`
      : `clients have announced ${service} without this one`;
  return `no such method: /${method}: ${why}; metadata contact-wait: 10s waits for one that does`;
}

/** What a caller is told when nobody can be called. */
export function explainNobody(
  why: Nobody,
  method: string,
  { clientId, selector }: Wanted,
  services: Pick<ServedServices, 'isServed'>,
): ContactError {
  if (why === 'unknown') return new ContactError('UNIMPLEMENTED', explainUnknown(method, services));
  if (why === 'busy') return new ContactError('RESOURCE_EXHAUSTED', `all that serve ${method} are busy`);
  const who = clientId ?? (selector ? 'no client that was selected' : 'nobody');
  return new ContactError(
    'UNAVAILABLE',
    `${who} ${clientId === undefined ? 'serves' : 'does not serve'} ${method} now`,
  );
}
