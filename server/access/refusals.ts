import { ContactError } from '../../shared/errors.ts';

/** A refusal with what the log is told of it, and its caller is not. */
export class LoggedRefusal extends ContactError {
  readonly logged: Readonly<Record<string, string>>;

  constructor({ code, problem, advice }: ContactError, logged: Readonly<Record<string, string>>) {
    super(code, problem, advice && { advice });
    this.logged = logged;
  }
}

/** All that a caller hears who is not known: whether the id, the secret or anything else was wrong is not said. */
export const UNAUTHENTICATED = new ContactError(
  'UNAUTHENTICATED',
  'this server knows its callers: send a valid credential as authorization: Bearer ct_…',
);

/** For who has the secret of a credential that was revoked. */
export const REVOKED = new ContactError('UNAUTHENTICATED', 'this credential was revoked', {
  advice: { reason: 'REVOKED', retry: 'never' },
});

/** For who has the secret of a credential whose time is over. */
export const EXPIRED = new ContactError('UNAUTHENTICATED', 'this credential has expired', {
  advice: { reason: 'EXPIRED', retry: 'never' },
});

/** For streams whose JWT has run out: their client may have the next one already. */
export const RUN_OUT = new ContactError('UNAUTHENTICATED', 'this token has expired: come again with the next one', {
  advice: { reason: 'EXPIRED', retry: 'now' },
});

/** For streams of callers whose rights come from the configuration, once that has changed. */
export const CHANGED = new ContactError('UNAUTHENTICATED', 'what this server lets in has changed: come again', {
  advice: { reason: 'EXPIRED', retry: 'now' },
});

/** For who has shown a certificate whose time is over meanwhile: the next one is shown by another connection. */
export const OVER = new ContactError(
  'UNAUTHENTICATED',
  'this certificate has expired: connect anew with the next one',
  {
    advice: { reason: 'EXPIRED', retry: 'backoff' },
  },
);

/** For callers whose token cannot be checked at the moment, through no fault of theirs. */
export const UNCHECKED = new ContactError('UNAVAILABLE', 'tokens cannot be checked at the moment');

/** The same, of a token whose key is not among those that were fetched a moment ago: it may be a newer one. */
export const UNKNOWN_KEY = new ContactError('UNAVAILABLE', UNCHECKED.problem);
