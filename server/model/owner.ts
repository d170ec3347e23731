import { ContactError } from '../../shared/errors.ts';

/** Whose a delivery is, or was until it was lost: a client's, and the principal's by which that came. */
export interface Owner {
  readonly clientId: string;
  /** Empty: nobody asked who it was. */
  readonly subject: string;
}

/** Who says something of a delivery. */
export interface Namer {
  /** Undefined: a principal that names no client speaks of what is its own, as whatever client it has it. */
  readonly clientId: string | undefined;
  readonly subject: string;
}

/**
 * Whether these may be one principal. Where nobody asked, before authentication was turned on or since it is off, the id
 * of the client is all that is known: what was begun then is gone on with now, and the other way round.
 */
export function isSamePrincipal(one: string, other: string): boolean {
  return one === other || one === '' || other === '';
}

/** Whether a delivery of this owner is for the one who names it: for another principal it is that of another client. */
export function isOwnedBy(owner: Owner, { clientId, subject }: Namer): boolean {
  if (clientId === undefined) return owner.subject === subject;
  return owner.clientId === clientId && isSamePrincipal(owner.subject, subject);
}

/**
 * Whether who names a delivery is the one that told its end.
 * @param teller null: nobody has written down who it was
 * @param namedBy undefined: whoever names it is taken at its word
 */
export function wasToldBy(teller: Owner | null, namedBy: Namer | undefined): boolean {
  return teller === null || namedBy === undefined || isOwnedBy(teller, namedBy);
}

/**
 * Whether a principal is known by credentials that the store has: it has come to an end when none of them lives, while
 * nobody is told of the end of one that others vouch for.
 */
export function hasStoredCredentials(principal: string): boolean {
  return principal.startsWith('token:') || principal.startsWith('client:');
}

/** The refusal of who comes by the client id of another principal. Whose it is, is for operators to know. */
export function takenByAnother(clientId: string, field: string): ContactError {
  const problem =
    `${clientId} is the client of another principal: take another client id, or have an operator make this one free ` +
    `while it is away: contact token revoke where it came by a join, else contact clients forget ${clientId}`;
  return new ContactError('ALREADY_EXISTS', problem, { field, advice: { reason: 'CLIENT_TAKEN', retry: 'backoff' } });
}
