import { ContactError } from '../../shared/errors.ts';
import type { Wanted } from './callee.ts';
import type { Nobody } from './callees.ts';
import { serviceOf } from './methods.ts';
import type { ServedServices } from './served.ts';

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
  { clientId, selector, scope }: Wanted,
  services: Pick<ServedServices, 'isServed'>,
): ContactError {
  // Who may call some clients alone does not learn what others serve.
  if (why === 'unknown' && scope.clients === 'all')
    return new ContactError('UNIMPLEMENTED', explainUnknown(method, services));
  const all = selector ? `all that ${selector.canonical} selects and that serve ${method}` : `all that serve ${method}`;
  if (why === 'busy') {
    const words = clientId === undefined ? `${all} are busy` : `${clientId} is busy: it has as many calls as it takes`;
    return new ContactError('RESOURCE_EXHAUSTED', words);
  }
  if (why === 'drained') {
    const words = clientId === undefined ? `${all} are drained` : `${clientId} is drained`;
    return new ContactError('UNAVAILABLE', `${words}: no new calls until an operator resumes`);
  }
  if (clientId !== undefined) return new ContactError('UNAVAILABLE', `${clientId} does not serve ${method} now`);
  const who = selector ? `no client that ${selector.canonical} selects` : 'nobody';
  return new ContactError('UNAVAILABLE', `${who} serves ${method} now`);
}
