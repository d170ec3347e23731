import { invalid, invalidName } from '../../shared/errors.ts';
import { isName, isSessionId, newSessionId } from '../../shared/ids.ts';
import { mayBe } from '../model/caller.ts';
import type { Context } from './context.ts';
import { foreignClient } from './scope.ts';

export const CLIENT_KEY = 'contact-client';
export const SESSION_KEY = 'contact-session';

/** What names a client and its session beside a request, and whose request it is. */
export type Headers = Pick<Context, 'header' | 'caller'>;

/** Who is at the other end of a worker's call. */
export interface Identity {
  readonly clientId: string;
  /** The server drew the id: nobody else knows it. */
  readonly isDrawn: boolean;
}

/**
 * The client that calls: the one that it names, else the one whose credential it has, else nobody that was heard of
 * before. PERMISSION_DENIED: the caller may not be this client.
 */
export function readClient(headers: Headers): Identity {
  const { caller } = headers;
  const clientId = headers.header(CLIENT_KEY) ?? caller.clientId;
  if (clientId === undefined) return { clientId: `anonymous:${newSessionId().slice(0, 16)}`, isDrawn: true };
  if (!isName(clientId)) throw invalidName(CLIENT_KEY, clientId);
  if (!mayBe(caller, clientId)) throw foreignClient(CLIENT_KEY, clientId);
  return { clientId, isDrawn: false };
}

/** The session id of a call; undefined: none was given. */
export function readSessionId(headers: Headers): string | undefined {
  const id = headers.header(SESSION_KEY);
  if (id !== undefined && !isSessionId(id)) throw invalid(SESSION_KEY, 'expected 32 lower-case hex digits');
  return id;
}
