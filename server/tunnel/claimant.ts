import { ContactError } from '../../shared/errors.ts';
import { refuseName } from '../../tunnel/names.ts';
import { isSamePrincipal, takenByAnother } from '../model/owner.ts';

/** Who asks to be called under a client id. */
export interface Claimant {
  readonly clientId: string;
  /** The principal that it speaks for. */
  readonly subject: string;
  /** Whose shares it takes from too, as `countedFor` of its caller says. */
  readonly countedFor?: string | undefined;
  /** The session that it names; undefined: none, and whoever comes next under its id has to wait until it has gone. */
  readonly sessionId: string | undefined;
  /** The session is an open one of this client, or its id was drawn: it is who it says. */
  readonly isProven: boolean;
  /** The id is one that the server drew. */
  readonly isDrawn: boolean;
  /** Whether it has the right to serve this method. */
  readonly mayServe: (method: string) => boolean;
  /** Where it comes from. */
  readonly peer: string;
  /** Wall clock, milliseconds since 1970. */
  readonly connectedAt: number;
}

/** By whom it is weighed against others: the operator that has made it, where that is so, or itself. */
export function rootOf({ subject, countedFor }: Pick<Claimant, 'subject' | 'countedFor'>): string {
  return countedFor ?? subject;
}

/** Whether the one that comes may take the place of the one before. */
export function isSameClient(before: Claimant, { subject, sessionId, isProven }: Claimant): boolean {
  if (subject !== before.subject) return false;
  return isProven || (sessionId !== undefined && sessionId === before.sessionId);
}

/** Why nobody calls the method at this client, whoever else serves it; undefined: it may be called there. */
export function refuseMethod(method: string, { mayServe }: Claimant): string | undefined {
  return refuseName(method) ?? (mayServe(method) ? undefined : 'it is no method that this client may serve');
}

/** Why the one that comes may not take the place of the one before. */
export function refuseClaim(before: Claimant, { clientId, subject }: Claimant): ContactError {
  if (!isSamePrincipal(before.subject, subject)) return takenByAnother(clientId, 'contact-client');
  const problem = `${clientId} serves over another stream, and this is not its session`;
  const advice = { reason: 'SESSION', retry: 'backoff' } as const;
  return new ContactError('ALREADY_EXISTS', problem, { field: 'contact-session', advice });
}
