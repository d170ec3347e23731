import type { Clock } from '../../shared/clock.ts';
import type { Secret } from './secret.ts';

/** What a connection proves itself with. */
export interface Credential {
  /** Sent with every call that begins now; undefined: nothing is. */
  readonly token: string | undefined;
  /** False: it has to be enrolled before anything else is called. */
  readonly isReady: boolean;
  /** The client that it is of; undefined: it may be of several. */
  readonly clientId?: string;
  /** Where the server is and how it is known, as the join text said; undefined: the options say it. */
  readonly target?: { readonly addresses: readonly string[]; readonly pin: string };
  /** When it is to be renewed, by the wall clock; Infinity: never. */
  readonly renewAt: number;
  /** A connection is about to be made: what lies in a file is read anew. */
  refresh(): void;
  /** Comes in, by what `ask` says to the server; nothing, if that has been done meanwhile. */
  enrol(ask: (enrolment: Enrolment) => Promise<Lifetime>): Promise<void>;
  /** Has another secret from now on; nothing, if another process has seen to that. */
  renew(ask: (renewal: { readonly secret: Secret }) => Promise<Lifetime>): Promise<void>;
  /** Whether it is worth coming again after this token was refused: there is another one now. */
  hasOther(refused: string | undefined): boolean;
}

export interface Enrolment {
  /** Of the join, by which alone it may be asked for. */
  readonly token: string;
  readonly clientId: string;
  readonly secret: Secret;
}

/** Of a credential, in milliseconds; undefined: it does not expire. */
export interface Lifetime {
  readonly lifetimeMs: number | undefined;
}

export interface CredentialContext {
  readonly clock: Clock;
  readonly warn: (line: string) => void;
  /** The name of the worker itself, if it was given one. */
  readonly clientId?: string | undefined;
}
