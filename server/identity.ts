import { isDeepStrictEqual } from 'node:util';
import type { Clock } from '../shared/clock.ts';
import type { ContactError } from '../shared/errors.ts';
import type { Logger } from '../shared/logger.ts';
import { createAuthenticate, type PeerIdentity, type ReadForeignToken } from './access/authenticate.ts';
import { type Book, createBook } from './access/book.ts';
import { createCertificateReader } from './access/certificates.ts';
import { readGrants } from './access/grants.ts';
import { createJwtReader } from './access/jwt.ts';
import type { IdentityOptions } from './access/options.ts';
import { CHANGED, UNAUTHENTICATED } from './access/refusals.ts';
import { createRenewals, type Renewals } from './access/renewals.ts';
import { createStanding } from './access/standing.ts';
import { drawToken } from './access/token.ts';
import { ALL_RIGHTS } from './model/access.ts';
import type { Caller } from './model/caller.ts';
import { retryAfterMs } from './store/failure.ts';
import type { Store } from './store/store.ts';
import { createGate, type Gate, type GateOptions, OPEN_GATE } from './transport/gate.ts';
import type { CountRefusal } from './transport/refused.ts';

/** The name of the token that is made when a server that asks who calls starts for the first time. */
const FIRST_TOKEN = 'first-operator';

/** Given the first operator's token, to keep it where its owner finds it; it is worth something once this has resolved. */
export type KeepOperatorToken = (token: string) => void | Promise<void>;

export interface IdentityParts {
  readonly options: IdentityOptions;
  /** Whether callers have to say who they are. */
  readonly isOn: boolean;
  readonly store: Store;
  readonly clock: Clock;
  readonly logger: Logger;
  /** As `openForeignTokens` answers. */
  readonly readForeignToken: ReadForeignToken | undefined;
  readonly peerOf: (stream: Parameters<Gate['decide']>[0]) => PeerIdentity;
  readonly countRefusal: CountRefusal;
  readonly sendAway: GateOptions['sendAway'];
  /** Ends whatever runs for callers that there is a reason for. */
  readonly expel: (reasonFor: (caller: Caller) => ContactError | undefined) => void;
  /** Undefined: no token is made. */
  readonly keepOperatorToken: KeepOperatorToken | undefined;
  /** Whether there is a socket file whose callers are operators. */
  readonly hasOperatorSocket: boolean;
}

/** What allows something to those that no credential of the store is of, by what it is about. */
const FOREIGN = {
  jwt: ['jwks', 'jwtIssuer', 'jwtAudience', 'jwtPrincipalClaim', 'jwtRolesClaim', 'jwtGrants'],
  certificate: ['certificateGrants'],
} as const satisfies Record<string, readonly (keyof IdentityOptions)[]>;

/** Who is let in, and for how long. */
export interface Identity {
  readonly isOn: boolean;
  readonly gate: Gate;
  readonly renewals: Renewals;
  /** A token of this principal that lives. */
  readonly findToken: Book['findToken'];
  readonly makerOf: Book['makerOf'];
  /** Reads the credentials that there are; before anybody is let in. */
  start(): Promise<void>;
  /**
   * Goes by other JWTs, keys and grants from now on. What runs by those that changed ends, and may come again at once.
   * INVALID_ARGUMENT: the keys cannot be read, and nothing changes.
   */
  reload(next: IdentityOptions): void;
  close(): Promise<void>;
}

export function createIdentity(parts: IdentityParts): Identity {
  const { isOn, store, clock, logger, peerOf, countRefusal, sendAway, expel } = parts;
  const { keepOperatorToken, hasOperatorSocket } = parts;
  let { options, readForeignToken } = parts;
  const book = createBook({
    store,
    clock,
    onTrouble(error) {
      // A refusal for now costs a note of when something was used last; anything else is logged.
      try {
        retryAfterMs(error);
      } catch (bug) {
        logger.error({ err: bug }, 'that credentials were used could not be noted');
      }
    },
  });
  const renewals = createRenewals(book, clock);
  if (!isOn) {
    const { findToken, makerOf } = book;
    const nothing = { start: () => Promise.resolve(), reload: () => undefined };
    return { isOn, gate: OPEN_GATE, renewals, findToken, makerOf, ...nothing, close: () => book.close() };
  }

  const standing = createStanding({ credentials: book, clock, onEnd: () => expel(standing.endOf) });
  const readCertificates = ({ certificateGrants }: IdentityOptions) =>
    createCertificateReader(readGrants(certificateGrants, 'certificateGrants'), clock.now);
  let callersOfCertificate = readCertificates(options);
  const authenticate = createAuthenticate({
    credentials: book,
    now: clock.now,
    readForeignToken(text) {
      if (!readForeignToken) throw UNAUTHENTICATED;
      return readForeignToken(text);
    },
    callersOfCertificate: (name, expiresAt) => callersOfCertificate(name, expiresAt),
  });
  const { refusalDelayMs, maxOpenCalls } = options;
  const gate = createGate({
    authenticate,
    peerOf,
    onAdmitted: standing.note,
    countRefusal,
    clock,
    refusalDelayMs,
    sendAway,
    maxOpenCalls,
  });
  const subscription = book.changed$.subscribe(standing.changed);

  async function makeFirstToken(): Promise<void> {
    const isFirst = (await store.listCredentials('', 1)).length === 0;
    if (!isFirst) return;
    if (!keepOperatorToken) {
      if (isShut({ ...options, hasOperatorSocket })) logger.warn({}, SHUT);
      return;
    }
    const { text, id, hash } = drawToken();
    // A token that is kept and not stored opens nothing, and the next start makes another; the other way round nobody had it.
    await keepOperatorToken(text);
    const credential = {
      kind: 'token',
      id,
      hash,
      name: FIRST_TOKEN,
      principal: 'operator',
      rights: ALL_RIGHTS,
      expiresAt: null,
      usesLeft: null,
      lifetimeMs: null,
      createdBy: '',
      endsBy: null,
      madeWith: null,
      countedFor: '',
    } as const;
    await store.createCredential(credential, clock.now());
    logger.info({ credential: id, name: FIRST_TOKEN }, 'the first token of an operator was made');
  }

  return {
    isOn,
    gate,
    renewals,
    findToken: book.findToken,
    makerOf: book.makerOf,
    async start() {
      await book.load();
      await makeFirstToken();
    },
    reload(next) {
      readForeignToken = openForeignTokens(next, clock, logger);
      callersOfCertificate = readCertificates(next);
      const before = options;
      options = next;
      const differs = (name: keyof IdentityOptions): boolean => !isDeepStrictEqual(before[name], next[name]);
      const isChanged = { jwt: FOREIGN.jwt.some(differs), certificate: FOREIGN.certificate.some(differs) };
      if (!isChanged.jwt && !isChanged.certificate) return;
      expel(({ kind }) => ((kind === 'jwt' || kind === 'certificate') && isChanged[kind] ? CHANGED : undefined));
    },
    async close() {
      subscription.unsubscribe();
      standing.close();
      await book.close();
    },
  };
}

/** What is said of a server that lets nobody in. */
export const SHUT =
  'nobody can get in: auth is on, nothing keeps the token of an operator, and there is no socket file of operators, no jwks and ' +
  'no grant for certificates; name an operatorSocket (--operator-socket), or have the store in a file';

/** Whether nobody could get in to a store without credentials for which no token is made. */
export function isShut({
  hasOperatorSocket,
  jwks,
  certificateGrants,
}: IdentityOptions & Pick<IdentityParts, 'hasOperatorSocket'>): boolean {
  return !hasOperatorSocket && jwks === undefined && certificateGrants.length === 0;
}

/** What takes JWTs; undefined: none are taken. INVALID_ARGUMENT: their keys cannot be read. */
export function openForeignTokens(
  options: IdentityOptions,
  clock: Clock,
  logger: Logger,
): ReadForeignToken | undefined {
  const { jwks, jwtIssuer, jwtAudience, jwtPrincipalClaim, jwtRolesClaim, jwtGrants } = options;
  if (jwks === undefined || jwtIssuer === undefined || jwtAudience === undefined) return undefined;
  return createJwtReader({
    jwks,
    issuer: jwtIssuer,
    audience: jwtAudience,
    principalClaim: jwtPrincipalClaim,
    rolesClaim: jwtRolesClaim,
    grants: readGrants(jwtGrants, 'jwtGrants'),
    clock,
    logger,
  });
}
