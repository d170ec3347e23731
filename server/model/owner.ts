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
