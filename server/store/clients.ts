import type { Actor } from './acts.ts';

/** Named clients, remembered while they are away. The rules of store.ts hold. */
export interface ClientStore {
  /** Named clients that are remembered, by id, those after `after` ('': from the first). */
  listClients(after: string, limit: number): Promise<readonly StoredClient[]>;

  /** One of them; null: it is not remembered. */
  findClient(clientId: string): Promise<StoredClient | null>;

  /**
   * The principal whose this client id is, so that no other comes by it; empty: nobody's. It is that of the client's credential
   * that lives; without one, of whom a named client first came by while it is remembered; else of the oldest session
   * that there is of it. A principal of stored credentials (`token:`, `client:`) of which none lives has no client any more.
   */
  ownerOf(clientId: string, now: number): Promise<string>;

  /** Drained until set back; remembered for named clients only. False: not a named client. */
  drainClient(clientId: string, isDrained: boolean, actor?: ClientActor): Promise<boolean>;

  /**
   * Remembers a named client by what it serves, in the place of what it served before, as a session of it would: it may be
   * drained, and is forgotten like any other once it has left. ALREADY_EXISTS: the client id is another principal's.
   */
  rememberServing(client: ServingClient, now: number): Promise<void>;

  /** It serves no more: a client of this principal that has served something was there until now. */
  leaveServing(client: Pick<ServingClient, 'clientId' | 'subject'>, now: number): Promise<void>;

  /**
   * Forgets a named client that is away, with its drain and the sessions that it has lost, should it come back to them: its id
   * is nobody's then. Else nothing has changed.
   */
  forgetClient(clientId: string, now: number, by?: string): Promise<ForgetOutcome>;

  /** Named clients that are remembered and have served something, by id, those after `after` ('': from the first). */
  listServing(after: string, limit: number): Promise<readonly ServingMethods[]>;
}

/**
 * `here`: it has a session that is not lost, or serves. `enrolled`: it came in by a join, and its credential lives, which keeps
 * its id, remembered or not. `awaited`: a session that it has lost is still its own, and runs something. `unknown`: it is none
 * of these, and not remembered.
 */
export type ForgetOutcome = 'forgotten' | 'here' | 'enrolled' | 'awaited' | 'unknown';

/** Who drains a client, or resumes it. */
export interface ClientActor extends Actor {
  /** It is connected: it is an act although no such client is remembered. */
  readonly isHere: boolean;
}

export interface ServingMethods {
  readonly clientId: string;
  /** `pkg.Service/Method`; never empty. */
  readonly methods: readonly string[];
  /** The principal that serves, or came last by this client; empty: nobody asked who it was. */
  readonly subject: string;
}

export interface ServingClient extends ServingMethods {
  readonly labels: Readonly<Record<string, string>>;
}

export interface StoredClient {
  readonly clientId: string;
  readonly labels: Readonly<Record<string, string>>;
  readonly queues: readonly string[];
  /** When its newest session was opened or it said what it serves or, if it is away, when it went. */
  readonly lastSeenAt: number;
  readonly isDrained: boolean;
  /** The principal whose it is, as of when it last came; empty: nobody asked who it was. */
  readonly subject: string;
}
