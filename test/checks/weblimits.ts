import type { ConstantRow } from './limits.ts';

// What docs/limits.md has of HTTP and of numbers that requests say, and what it has not.

/** Options that say who may ask, and bound nothing. */
export const WEB_OPTIONS: readonly string[] = ['http', 'httpHosts', 'httpOrigins'];

export const WEB_CONSTANTS: readonly ConstantRow[] = [
  ['body of a request over HTTP', 'server/web/answer.ts', 'PLAIN_BODY_BYTES'],
  ['body of a refused request', 'server/transport/exchange.ts', 'MAX_DROPPED_BYTES'],
  ['a page of results over HTTP', 'server/web/page.ts', 'MAX_PAGE', 'PAGE_BYTES'],
];

export const WEB_REASONS: Readonly<Record<string, string>> = {
  'server/api/admin.ts MAX_AGE_SECONDS': 'what a retention may say',
  'server/web/routes.ts MAX_PARTS': 'no path of a route has as many',
  'server/web/fields.ts MAX_UINT32': 'a number of the contract',
  'server/web/newtask.ts PRIORITY_LIMIT': 'the priority of a task, which has a row',
  'server/transport/request_body.ts FIRST_ROOM_BYTES': 'what a body takes at first, of those that have a row',
};
