import { create, type DescMethod } from '@bufbuild/protobuf';
import { parseJson } from '../../json/value.ts';
import type { Clock } from '../../shared/clock.ts';
import { ContactError, invalid } from '../../shared/errors.ts';
import { methodPath } from '../../shared/grpc.ts';
import type { Logger } from '../../shared/logger.ts';
import { type Context, whyGone } from '../api/context.ts';
import type { Caller } from '../model/caller.ts';
import type { Exchange } from '../transport/exchange.ts';
import { createDashboard, fileRequest } from './dashboard.ts';
import { answerEvents } from './events.ts';
import { readFields, readQuery } from './fields.ts';
import { checkHost, checkSingle, type Neighbours, readOrigin } from './host.ts';
import { answerPage } from './page.ts';
import { asSingle, tellProblem } from './problem.ts';
import type { Route } from './route.ts';
import { findRoutes } from './routes.ts';

const JSON_TYPE = /^application\/(?:[\w.-]+\+)?json\s*(?:;|$)/i;
const EVENTS = /\btext\/event-stream\b/;
/** JSON that says the same as a message of the contract takes more bytes: base64, quotes and names. */
const JSON_SHARE = 2;
const PLAIN_BODY_BYTES = 64 << 10;
/** Routes whose requests carry payloads. */
const LARGE: ReadonlySet<string> = new Set(['enqueueTasks', 'callTask']);

const HEADERS = Object.freeze({
  'content-type': 'application/json; charset=utf-8',
  'cache-control': 'no-store',
  'x-content-type-options': 'nosniff',
});
const OPENAPI_PATH = '/openapi.json';
const READS: ReadonlySet<string> = new Set(['GET', 'HEAD']);
const WRONG_VERB = 405;
const FILE_VERBS: ReadonlySet<string> = new Set(['GET', 'HEAD']);
const PREFLIGHT = Object.freeze({
  'access-control-allow-methods': 'GET, POST, PUT, DELETE',
  'access-control-allow-headers': 'authorization, content-type, last-event-id',
  'access-control-max-age': '600',
});

// biome-ignore lint/suspicious/noExplicitAny: each handler knows the messages of its own method.
export type FindHandler = (method: DescMethod) => (request: any, context: Context) => any;

export interface AnswerOptions extends Neighbours {
  readonly find: FindHandler;
  readonly maxMessageBytes: number;
  readonly clock: Clock;
  readonly logger: Logger;
}

/** What every answer says of itself, whatever it is. */
type Headers = Record<string, string>;

/** Answers requests of JSON: finds what is asked for, and asks the handlers that gRPC asks. */
export function createAnswer(options: AnswerOptions): (exchange: Exchange) => Promise<void> {
  const { find, maxMessageBytes, clock, logger } = options;
  // Read with the first request: a server that nobody asks has nothing of it.
  const findFile = createDashboard();

  return async function answer(exchange) {
    const headers: Headers = { ...HEADERS };
    try {
      await take(exchange, headers);
    } catch (reason) {
      fail(exchange, headers, reason);
    }
  };

  function fail(exchange: Exchange, headers: Headers, reason: unknown): void {
    const error = ContactError.from(reason);
    if (error.code === 'INTERNAL') {
      const path = exchange.request.url?.split('?')[0];
      logger.error({ err: error.cause ?? error, path }, 'a request of HTTP failed');
    }
    // Whoever has a part of an answer cannot be told anything else.
    if (exchange.isBegun) {
      exchange.destroy();
      return;
    }
    const problem = tellProblem(error);
    const status = headers.allow === undefined ? problem.status : WRONG_VERB;
    exchange.send(status, { ...headers, ...problem.headers }, render(problem.body));
  }

  async function take(exchange: Exchange, headers: Headers): Promise<void> {
    const { request } = exchange;
    const { method: verb = '', url = '' } = request;
    checkSingle(request.rawHeaders);
    const host = (request.headers as Record<string, string | undefined>)[':authority'] ?? request.headers.host;
    checkHost(host, options);
    const origin = readOrigin(request.headers.origin, host, options);
    if (origin !== undefined) {
      Object.assign(headers, {
        'access-control-allow-origin': origin,
        'access-control-expose-headers': 'retry-after, location',
        vary: 'origin',
      });
    }
    const [path = '', search = ''] = url.split('?', 2);
    const file = FILE_VERBS.has(verb) ? findFile(fileRequest(path, request.headers)) : undefined;
    if (file) {
      exchange.send(file.status, { ...file.headers }, file.body);
      return;
    }
    const { routes, params } = findRoutes(path);
    if (verb === 'OPTIONS' && origin !== undefined) {
      exchange.send(204, { ...headers, ...PREFLIGHT }, '');
      return;
    }
    const route = routes.get(verb === 'HEAD' ? 'GET' : verb);
    // Whoever is not known is told nothing of what there is.
    const caller = await exchange.admit(route ? methodPath(route.method) : path);
    if (path === OPENAPI_PATH && READS.has(verb)) {
      const { default: document } = await import('./openapi.json', { with: { type: 'json' } });
      exchange.send(200, headers, render(document));
    } else if (!route) refuse(path, verb, routes, headers);
    else await run(route, caller, exchange, { params, search, headers });
  }

  async function run(
    route: Route,
    caller: Caller,
    exchange: Exchange,
    { params, search, headers }: Pick<ReturnType<typeof findRoutes>, 'params'> & { search: string; headers: Headers },
  ): Promise<void> {
    const isStream = route.method.methodKind === 'server_streaming';
    const isEvents = isStream && (!route.page || EVENTS.test(exchange.request.headers.accept ?? ''));
    const paging = isStream && !isEvents ? answerPage.fields : {};
    const query = readQuery({ ...route.query, ...paging }, new URLSearchParams(search));
    const body = route.body ? readFields(route.body, await readJson(exchange, route)) : {};
    const given = { ...query, ...body, ...params };
    const context = createContext(exchange, caller, given as { waitMs?: number });
    const handle = find(route.method);
    if (isStream) {
      const lastEventId = exchange.request.headers['last-event-id'];
      const asked = route.ask(given, isEvents && typeof lastEventId === 'string' ? lastEventId : undefined);
      const ask = (changes: object) => handle(create(route.method.input, { ...asked, ...changes }), context);
      const streaming = { exchange, route, headers, ask, clock };
      await (isEvents ? answerEvents(streaming) : answerPage(streaming, given));
      return;
    }
    const { input, output } = route.method;
    const isSingle = !('tasks' in (route.body ?? {}));
    const reply = await handle(create(input, route.ask(given)), context).catch((error: unknown) => {
      throw isSingle ? asSingle(ContactError.from(error)) : error;
    });
    const { status = 200, body: told } = route.tell!(create(output, reply), given);
    exchange.send(status, headers, render(told));
  }

  async function readJson(exchange: Exchange, { method }: Route): Promise<unknown> {
    const { headers } = exchange.request;
    const isLarge = LARGE.has(method.localName);
    const body = await exchange.readBody(isLarge ? JSON_SHARE * maxMessageBytes : PLAIN_BODY_BYTES);
    if (body.length === 0) return {};
    if (!JSON_TYPE.test(headers['content-type'] ?? '')) throw invalid('content-type', 'expected application/json');
    try {
      return parseJson(UTF8.decode(body));
    } catch (error) {
      throw invalid('request', `expected JSON: ${(error as Error).message}`);
    }
  }

  function createContext(exchange: Exchange, caller: Caller, { waitMs }: { readonly waitMs?: number }): Context {
    const { peer, signal, request } = exchange;
    const deadlineAt = waitMs === undefined ? Number.POSITIVE_INFINITY : clock.now() + waitMs;
    if (waitMs !== undefined) {
      const stop = clock.after(waitMs, () => exchange.abort(whyGone(deadlineAt, deadlineAt)));
      signal.addEventListener('abort', stop, { once: true });
    }
    return {
      ...{ caller, signal, deadlineAt, peer },
      header(name) {
        const value = request.headers[name];
        return typeof value === 'string' && value !== '' ? value : undefined;
      },
      // Its status is not known before its end.
      beginAnswer: () => undefined,
    };
  }
}

const UTF8 = new TextDecoder('utf-8', { fatal: true });

function render(body: object): string {
  return `${JSON.stringify(body)}\n`;
}

function refuse(path: string, verb: string, routes: ReadonlyMap<string, Route>, headers: Headers): never {
  const shown = `${verb} ${path}`.slice(0, 256);
  if (routes.size === 0) throw new ContactError('NOT_FOUND', `there is no ${shown}`, { field: 'path' });
  headers.allow = [...routes.keys()].join(', ');
  throw new ContactError('UNIMPLEMENTED', `there is no ${shown}, but ${headers.allow}`, { field: 'method' });
}
