import type { Caller } from '../model/caller.ts';
import { LOCAL_OPERATOR } from '../model/caller.ts';
import { endOf, type StoredCredential } from '../store/credentials.ts';
import { type Callers, callersOf } from './callers.ts';
import { EXPIRED, LoggedRefusal, REVOKED, UNAUTHENTICATED } from './refusals.ts';
import { isSecretOf } from './secret.ts';
import { readToken } from './token.ts';

/** What is known of the other end of a connection, whatever is said over it. */
export type PeerIdentity =
  | { readonly kind: 'none' }
  /** Whoever may open the operator's socket file. */
  | { readonly kind: 'operator' }
  /** It has shown a certificate that was checked; `expiresAt` is its end, by the wall clock. */
  | { readonly kind: 'certificate'; readonly name: string; readonly expiresAt: number };

/** What a call says of who makes it. */
export interface Claim {
  /** The header `authorization`. */
  readonly authorization: string | undefined;
  /** The client that it names as its own. */
  readonly clientId: string | undefined;
  /** Asked for where no header says it. */
  readonly peer: () => PeerIdentity;
}

/**
 * Who makes a call; a promise where a token has to be checked that was not seen before.
 * @throws ContactError UNAUTHENTICATED, the same for all that is unknown; REVOKED and EXPIRED for who has the secret.
 * UNAVAILABLE: it cannot be checked now
 */
export type Authenticate = (claim: Claim) => Caller | Promise<Caller>;

/** Credentials as they are in memory. */
export interface Credentials {
  /** The same object until the credential changes. */
  find(id: string): StoredCredential | undefined;
  used(id: string): void;
}

/** Tokens that others have signed. */
export type ReadForeignToken = (text: string) => Callers | Promise<Callers>;

export interface AuthenticateOptions {
  readonly credentials: Credentials;
  readonly now: () => number;
  /** Undefined: no such tokens are taken. */
  readonly readForeignToken: ReadForeignToken | undefined;
  /** What the holder of a certificate may; null: its name means nothing. */
  readonly callersOfCertificate: (name: string, expiresAt: number) => Callers | null;
}

const BEARER = /^Bearer +(\S+)$/i;
/** Longer ones are not looked at; before that, all headers together have their bound. */
const MAX_LENGTH = 65_536;

export function createAuthenticate(options: AuthenticateOptions): Authenticate {
  const { credentials, now, readForeignToken, callersOfCertificate } = options;
  // Goes with the object that the book has of a credential.
  const callersByCredential = new WeakMap<StoredCredential, Callers>();
  // The same, of joins that were good once.
  const spentByCredential = new WeakMap<StoredCredential, Callers>();

  function readCredential(id: string, secret: string): Callers {
    const credential = credentials.find(id);
    if (!isSecretOf(secret, credential?.hash) || !credential) throw UNAUTHENTICATED;
    // A client whose answer was lost asks for it again after the end of its join: the store says what becomes of it.
    if (credential.kind !== 'join') checkTime(credential, now());
    credentials.used(id);
    const isSpent = credential.kind === 'join' && (endOf(credential) <= now() || credential.usesLeft === 0);
    const known = isSpent ? spentByCredential : callersByCredential;
    let callers = known.get(credential);
    if (!callers) {
      callers = callersOf(credential, isSpent);
      known.set(credential, callers);
    }
    return callers;
  }

  return ({ authorization, clientId, peer }) => {
    if (authorization !== undefined) {
      const text = authorization.length > MAX_LENGTH ? undefined : BEARER.exec(authorization)?.[1];
      if (text === undefined) throw UNAUTHENTICATED;
      const token = readToken(text);
      if (token) return readCredential(token.id, token.secret).as(clientId);
      if (!readForeignToken) throw UNAUTHENTICATED;
      const callers = readForeignToken(text);
      return callers instanceof Promise ? callers.then((read) => read.as(clientId)) : callers.as(clientId);
    }
    const identity = peer();
    if (identity.kind === 'operator') return LOCAL_OPERATOR;
    const callers = identity.kind === 'certificate' ? callersOfCertificate(identity.name, identity.expiresAt) : null;
    if (!callers) throw UNAUTHENTICATED;
    return callers.as(clientId);
  };
}

function checkTime({ id, principal, revokedAt, expiresAt }: StoredCredential, now: number): void {
  if (revokedAt !== null) throw new LoggedRefusal(REVOKED, { principal, credential: id });
  if (expiresAt !== null && expiresAt <= now) throw new LoggedRefusal(EXPIRED, { principal, credential: id });
}
