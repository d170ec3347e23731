import {
  AccessService,
  type Credential,
  type DescribeCallerResponse,
  type ListCredentialsResponse,
  Role,
} from '../gen/contact/v1/access_service_pb.ts';
import { ContactError, invalid } from '../shared/errors.ts';
import { MAX_JOIN_ADDRESSES, writeJoinText } from '../shared/jointext.ts';
import { type AskingOptions, createAsking } from './asking.ts';
import * as check from './check.ts';
import { createConnection } from './connection.ts';
import { drawSecret, hashSecret, type Secret, writeToken } from './credential/secret.ts';
import { CONNECTION_RULES, type ConnectionOptions, checkObject, isAddress } from './options.ts';
import { PAGE_RULES, type PageOptions, readPages } from './pages.ts';

/** What `createAccess()` takes. */
export interface AccessOptions extends ConnectionOptions, AskingOptions {}

/** What programs with a credential may be. */
export type RoleName = 'worker' | 'producer' | 'observer' | 'operator';

/** What a credential allows: names, or patterns that end in `*`; what is left out allows nothing. */
export interface RightsOptions {
  /** At least one. */
  readonly roles: readonly RoleName[];
  /** Queues that it may give to and take from; of a client, `{client}` stands for its id: `robots/{client}`. Default: none. */
  readonly queues?: readonly string[];
  /** Of a worker: client ids that it may have. Of others: whom they may address, list, drain and call. Default: none. */
  readonly clients?: readonly string[];
  /** Methods that it may call of clients: `pkg.Service/Method`, `pkg.Service/*`, `pkg.*`. Default: none. */
  readonly calls?: readonly string[];
  /** Methods that a worker may serve, as patterns like those. Default: none. */
  readonly serves?: readonly string[];
}

/** A token that is wanted. */
export interface TokenOptions extends RightsOptions {
  /** What it is called; tokens of one name are one principal, `token:NAME`. */
  readonly name: string;
  /** Milliseconds, in whole seconds; default: it does not expire. */
  readonly lifetimeMs?: number;
}

/** A join that is wanted: what lets clients in, each of which gets a credential of its own. */
export interface JoinOptions extends Omit<RightsOptions, 'roles'> {
  /** What it is called. */
  readonly name: string;
  /** Of the clients; default `['worker']`. Never `operator`. */
  readonly roles?: readonly Exclude<RoleName, 'operator'>[];
  /** How many clients it lets in; 1 to 100,000, default 1. */
  readonly uses?: number;
  /** Milliseconds for which it lets clients in, in whole seconds; default one hour. */
  readonly lifetimeMs?: number;
  /** Milliseconds that the credential of a client lives until it is renewed, at least a minute; default 90 days. */
  readonly clientLifetimeMs?: number;
  /** Where clients reach the server, 1 to 8 of HOST:PORT; default: as the server itself knows. */
  readonly addresses?: readonly string[];
}

/** A token that was made: nobody can read it again. */
export interface NewToken {
  /** What is sent: `ct_…`. */
  readonly token: string;
  /** What the server keeps of it: its id, rights and instants. */
  readonly credential: Credential;
}

/** A join that was made: nobody can read its text again. */
export interface NewJoin {
  /** What clients are given: `cj_…`. */
  readonly join: string;
  /** What the server keeps of it: its id, the rights of those that it lets in, and how many more it lets in. */
  readonly credential: Credential;
  /** Where it sends clients. */
  readonly addresses: readonly string[];
}

/** What came of revoking a credential. */
export interface Revocation {
  /** Credentials that were revoked now: 0 if all were before. */
  readonly revokedCount: number;
  /** Of those that were made with it: how many live on, as far as a look at a thousand of them tells. */
  readonly livingCount: number;
}

/**
 * Who may call the server. Every secret is drawn here and its hash alone is sent, so that calls may be repeated, and are, for
 * `patienceMs`. All reject with a ContactError: PERMISSION_DENIED for whoever may not, or gives more than it has.
 */
export interface Access extends AsyncDisposable {
  /**
   * A token with these rights. Its text is in the answer alone: nobody can read it again.
   * @throws ContactError INVALID_ARGUMENT naming what is wrong, PERMISSION_DENIED for rights that this caller has not
   * @example
   * const { token } = await access.createToken({ name: 'web', roles: ['producer'], queues: ['mail/*'] });
   */
  createToken(options: TokenOptions): Promise<NewToken>;
  /**
   * A text that lets clients in, each of which gets a credential of its own.
   * @throws ContactError as `createToken()`
   * @example
   * const { join } = await access.createJoin({ name: 'fleet', queues: ['robots/{client}'], clients: ['robot-*'], uses: 100 });
   */
  createJoin(options: JoinOptions): Promise<NewJoin>;
  /** A page of credentials by id; those that were revoked or have expired are listed for 30 days. */
  listCredentials(options?: PageOptions): Promise<ListCredentialsResponse>;
  /** The credentials of every page, one at a time. */
  listAllCredentials(options?: { readonly pageSize?: number }): AsyncGenerator<Credential, void, undefined>;
  /**
   * Ends what is open of it within a second; of a client, all of its credentials.
   * @param options.withWhatItMade after a theft: also all that was made with it, by whatever way; what another one has put in its
   * place stays
   * @throws ContactError NOT_FOUND: there is none of this id; FAILED_PRECONDITION: an older server has revoked it, and nothing
   *   that it made
   * @example
   * await access.revoke('abcdefghijklmnop', { withWhatItMade: true });
   */
  revoke(id: string, options?: { readonly withWhatItMade?: boolean }): Promise<Revocation>;
  /**
   * Another token in place of one, with the same rights and as the same principal.
   * @param options.overlapMs for which the one before lives on, in whole seconds; default ten minutes
   */
  rotate(id: string, options?: { readonly overlapMs?: number }): Promise<NewToken>;
  /** Whom the server takes this caller for, and what it may do. */
  describeCaller(): Promise<DescribeCallerResponse>;
  /** Lets go of the connection; calls under way go on to their end. */
  close(): Promise<void>;
}

const SECOND_MS = 1_000;
/** 100 years. */
const MAX_LIFETIME_MS = 36_500 * 86_400 * SECOND_MS;
const MIN_CLIENT_LIFETIME_MS = 60 * SECOND_MS;
const MAX_OVERLAP_MS = 30 * 86_400 * SECOND_MS;
const MAX_USES = 100_000;

const ROLES: Readonly<Record<RoleName, Role>> = Object.freeze({
  worker: Role.WORKER,
  producer: Role.PRODUCER,
  observer: Role.OBSERVER,
  operator: Role.OPERATOR,
});
const roleNames = Object.keys(ROLES) as RoleName[];

const ACCESS_RULES: check.Rules = Object.freeze({
  ...CONNECTION_RULES,
  deadlineMs: check.waitMs,
  patienceMs: check.waitMs,
});
const patterns = check.listOf(check.someText);
const lifetimeMs = wholeSeconds(SECOND_MS, MAX_LIFETIME_MS);
const RIGHTS_RULES = {
  roles: check.listOf(check.oneOf(roleNames)),
  queues: patterns,
  clients: patterns,
  calls: patterns,
  serves: patterns,
};
const TOKEN_RULES: Readonly<Record<keyof TokenOptions, check.Check>> = Object.freeze({
  ...RIGHTS_RULES,
  name: check.name,
  lifetimeMs,
});
const JOIN_RULES: Readonly<Record<keyof JoinOptions, check.Check>> = Object.freeze({
  ...RIGHTS_RULES,
  roles: check.listOf(check.oneOf(roleNames.filter((role) => role !== 'operator'))),
  name: check.name,
  uses: check.integer(1, MAX_USES),
  lifetimeMs,
  clientLifetimeMs: wholeSeconds(MIN_CLIENT_LIFETIME_MS, MAX_LIFETIME_MS),
  addresses: check.listOf(isAddress),
});
const REVOKE_RULES = Object.freeze({ withWhatItMade: check.flag });
const ROTATE_RULES = Object.freeze({ overlapMs: wholeSeconds(0, MAX_OVERLAP_MS) });

/**
 * Looks after credentials over a connection of its own.
 * @throws ContactError INVALID_ARGUMENT naming the option that is wrong
 * @example
 * const access = createAccess({ server: 'unix:contact.db.sock' });
 * const { join } = await access.createJoin({ name: 'fleet', queues: ['robots/{client}'], clients: ['robot-*'], uses: 100 });
 * for await (const { id, name, lastUsedAt } of access.listAllCredentials()) console.log(id, name, lastUsedAt);
 * await access.close();
 */
export function createAccess(options: AccessOptions): Access {
  checkObject(options, ACCESS_RULES);
  const connection = createConnection(options);
  const { persist } = createAsking(connection, options);
  const { method } = AccessService;

  async function listCredentials(page: PageOptions = {}): Promise<ListCredentialsResponse> {
    check.checkFields(page, PAGE_RULES);
    return persist(method.listCredentials, page);
  }

  return {
    async createToken(given) {
      check.checkFields(given, TOKEN_RULES);
      check.checkValue('name', given.name, check.name);
      const secret = drawSecret();
      const { credential } = await persist(method.createToken, {
        ...told(secret),
        name: given.name,
        rights: readRights(given),
        lifetimeSeconds: secondsOf(given.lifetimeMs),
      });
      return { token: writeToken(secret), credential: asAnswered(credential) };
    },
    async createJoin(given) {
      check.checkFields(given, JOIN_RULES);
      check.checkValue('name', given.name, check.name);
      const count = given.addresses?.length ?? 1;
      if (count < 1 || count > MAX_JOIN_ADDRESSES)
        throw invalid('addresses', `expected 1 to ${MAX_JOIN_ADDRESSES}, got ${count}`);
      const secret = drawSecret();
      const answer = await persist(method.createJoin, {
        ...told(secret),
        name: given.name,
        rights: readRights({ roles: ['worker'], ...given }),
        lifetimeSeconds: secondsOf(given.lifetimeMs),
        uses: given.uses ?? 0,
        clientLifetimeSeconds: secondsOf(given.clientLifetimeMs),
      });
      const addresses = given.addresses ?? answer.addresses.slice(0, MAX_JOIN_ADDRESSES);
      if (addresses.length === 0) {
        await persist(method.revokeCredential, { id: secret.id });
        throw new ContactError('FAILED_PRECONDITION', 'the server does not know where clients reach it', {
          field: 'addresses',
        });
      }
      const pin = Buffer.from(answer.caPin).toString('base64url');
      const join = writeJoinText({ addresses, pin, ...secret });
      return { join, credential: asAnswered(answer.credential), addresses };
    },
    listCredentials,
    listAllCredentials: (given) => readPages(given, listCredentials, (answer) => answer.credentials),
    async revoke(id, given = {}) {
      check.checkValue('id', id, check.someText);
      check.checkFields(given, REVOKE_RULES);
      const { withWhatItMade = false } = given;
      const answer = await persist(method.revokeCredential, { id, withWhatItMade });
      if (withWhatItMade && !answer.withWhatItMade) {
        const problem = 'the server is of an older version: it has revoked this one, and nothing that was made with it';
        throw new ContactError('FAILED_PRECONDITION', problem, { field: 'withWhatItMade' });
      }
      return { revokedCount: answer.revokedCount, livingCount: answer.livingCount };
    },
    async rotate(id, given = {}) {
      check.checkValue('id', id, check.someText);
      check.checkFields(given, ROTATE_RULES);
      const secret = drawSecret();
      const { overlapMs } = given;
      const { credential } = await persist(method.rotateCredential, {
        id,
        newId: secret.id,
        secretHash: hashSecret(secret),
        ...(overlapMs === undefined ? {} : { overlapSeconds: overlapMs / SECOND_MS }),
      });
      return { token: writeToken(secret), credential: asAnswered(credential) };
    },
    describeCaller: () => persist(method.describeCaller, {}),
    close: async () => connection.close(),
    [Symbol.asyncDispose]: async () => connection.close(),
  };
}

/** The name of a role as it stands in rights; undefined: of a newer server. */
export function nameRole(role: Role): RoleName | undefined {
  return roleNames.find((name) => ROLES[name] === role);
}

/** What the server is told of a new secret. */
function told(secret: Secret): { readonly id: string; readonly secretHash: Uint8Array } {
  return { id: secret.id, secretHash: hashSecret(secret) };
}

function readRights({ roles, queues = [], clients = [], calls = [], serves = [] }: RightsOptions) {
  if (!Array.isArray(roles) || roles.length === 0)
    throw invalid('roles', `expected at least one of ${roleNames.join(', ')}`);
  const lists = { queues: [...queues], clients: [...clients], calls: [...calls], serves: [...serves] };
  return { roles: roles.map((role) => ROLES[role as RoleName]), ...lists };
}

/** A number of the contract that is 0 where nothing was said. */
function secondsOf(ms = 0): bigint {
  return BigInt(ms / SECOND_MS);
}

function asAnswered(credential: Credential | undefined): Credential {
  if (credential) return credential;
  throw new ContactError('INTERNAL', 'the server answered without a credential');
}

function wholeSeconds(min: number, max: number): check.Check {
  return (value) =>
    Number.isInteger(value) && Number(value) % SECOND_MS === 0 && Number(value) >= min && Number(value) <= max
      ? null
      : `milliseconds in whole seconds from ${min} to ${max}`;
}
