import type { Metadata } from '@grpc/grpc-js';
import { invalid, invalidName } from '../../shared/errors.ts';
import { isName, isSessionId, newSessionId } from '../../shared/ids.ts';
import { metadataText } from './call.ts';

export const CLIENT_KEY = 'contact-client';
export const SESSION_KEY = 'contact-session';

/** Who is at the other end of a worker's call. */
export interface Identity {
  readonly clientId: string;
  /** The server drew the id: nobody else knows it. */
  readonly isDrawn: boolean;
}

export function readClient(metadata: Metadata): Identity {
  const clientId = metadataText(metadata, CLIENT_KEY);
  if (clientId === undefined) return { clientId: `anonymous:${newSessionId().slice(0, 16)}`, isDrawn: true };
  if (!isName(clientId)) throw invalidName(CLIENT_KEY, clientId);
  return { clientId, isDrawn: false };
}

/** The session id of a call; undefined: none was given. */
export function readSessionId(metadata: Metadata): string | undefined {
  const id = metadataText(metadata, SESSION_KEY);
  if (id !== undefined && !isSessionId(id)) throw invalid(SESSION_KEY, 'expected 32 lower-case hex digits');
  return id;
}
