import type { ServerOptions } from './options.ts';
import type { LoadWeb } from './transport/web.ts';
import type { AnswerOptions } from './web/answer.ts';

type WebParts = Omit<AnswerOptions, 'hosts' | 'origins'>;

/** Loads what answers JSON over HTTP, of which a server has nothing in memory before it is asked. */
export function loadWebFor({ httpHosts, httpOrigins, tlsName }: ServerOptions, parts: WebParts): LoadWeb {
  return async () => {
    const { createAnswer } = await import('./web/answer.ts');
    return createAnswer({ ...parts, hosts: [...httpHosts, ...tlsName], origins: httpOrigins });
  };
}
