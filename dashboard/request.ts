import { signal } from '@preact/signals';

// One request to the server that the page came from. The token is kept for this tab alone, and is sent in a header: never in an
// address, which ends up in histories and logs.

const TOKEN_KEY = 'contact-token';

/** The token that requests are sent with; empty: none. */
export const token = signal(readToken());
/** The server has refused a request for want of a token, or because of it; undefined: it has not. */
export const refusal = signal<string | undefined>(undefined);

/** Counts what this page has changed: whatever is shown is read anew then. */
export const changes = signal(0);

function readToken(): string {
  try {
    return sessionStorage.getItem(TOKEN_KEY) ?? '';
  } catch {
    return '';
  }
}

/** Sends this token from now on; empty: none. */
export function useToken(text: string): void {
  token.value = text;
  refusal.value = undefined;
  try {
    if (text === '') sessionStorage.removeItem(TOKEN_KEY);
    else sessionStorage.setItem(TOKEN_KEY, text);
  } catch {
    // A browser that keeps nothing: it is asked for again when the page is loaded anew.
  }
}

/** What the server refuses, or that it cannot be reached (`UNREACHABLE`). */
export class RequestError extends Error {
  readonly code: string;
  readonly field: string | undefined;

  constructor(code: string, message: string, field?: string) {
    super(message);
    this.name = 'RequestError';
    this.code = code;
    this.field = field;
  }
}

export type Query = Readonly<Record<string, string | number | boolean | readonly string[] | undefined>>;

export interface RequestOptions {
  readonly query?: Query;
  readonly body?: unknown;
  readonly signal?: AbortSignal;
  readonly headers?: Readonly<Record<string, string>>;
}

/** Sends a request; answers the response if the server has done what was asked. Rejects with a `RequestError` else. */
export async function send(method: string, path: string, options: RequestOptions = {}): Promise<Response> {
  const { query, body, signal: ended, headers } = options;
  let response: Response;
  try {
    response = await fetch(path + renderQuery(query), {
      method,
      cache: 'no-store',
      credentials: 'omit',
      redirect: 'error',
      headers: {
        ...headers,
        ...(token.value && { authorization: `Bearer ${token.value}` }),
        ...(body !== undefined && { 'content-type': 'application/json' }),
      },
      ...(body !== undefined && { body: JSON.stringify(body) }),
      ...(ended && { signal: ended }),
    });
  } catch (error) {
    if (ended?.aborted) throw error;
    throw new RequestError('UNREACHABLE', 'The server cannot be reached.');
  }
  if (response.ok) {
    if (method !== 'GET') changes.value += 1;
    return response;
  }
  throw await readRefusal(response);
}

/** The same, for the JSON that the server answers with. */
export async function ask<T>(method: string, path: string, options?: RequestOptions): Promise<T> {
  return (await (await send(method, path, options)).json()) as T;
}

async function readRefusal(response: Response): Promise<RequestError> {
  const text = await response.text();
  let told: { code?: string; message?: string; field?: string } = {};
  try {
    told = (JSON.parse(text) as { error?: typeof told }).error ?? {};
  } catch {
    // Something between here and the server has answered in its place.
  }
  const message = told.message ?? `The answer was ${response.status} ${response.statusText}`.trim();
  if (response.status === 401) refusal.value = message;
  return new RequestError(told.code ?? String(response.status), message, told.field);
}

function renderQuery(query: Query = {}): string {
  const params = new URLSearchParams();
  for (const [name, value] of Object.entries(query)) {
    if (value === undefined || value === '' || value === false) continue;
    for (const one of Array.isArray(value) ? value : [value]) params.append(name, String(one));
  }
  const text = params.toString();
  return text && `?${text}`;
}
