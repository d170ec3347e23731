/** Named clients, remembered while they are away. The rules of store.ts hold. */
export interface ClientStore {
  /** Named clients that are remembered, by id, those after `after` ('': from the first). */
  listClients(after: string, limit: number): Promise<readonly StoredClient[]>;

  /** One of them; null: it is not remembered. */
  findClient(clientId: string): Promise<StoredClient | null>;

  /** Drained until set back; remembered for named clients only. False: not a named client. */
  drainClient(clientId: string, isDrained: boolean): Promise<boolean>;

  /**
   * Remembers a named client by what it serves, in the place of what it served before, as a session of it would: it may be
   * drained, and is forgotten like any other once it has left.
   */
  rememberServing(client: ServingClient, now: number): Promise<void>;

  /** It serves no more: a client that has served something was there until now. */
  leaveServing(clientId: string, now: number): Promise<void>;

  /** Named clients that are remembered and have served something, by id, those after `after` ('': from the first). */
  listServing(after: string, limit: number): Promise<readonly ServingMethods[]>;
}

export interface ServingMethods {
  readonly clientId: string;
  /** `pkg.Service/Method`; never empty. */
  readonly methods: readonly string[];
}

export interface ServingClient extends ServingMethods {
  readonly labels: Readonly<Record<string, string>>;
  /** The principal that serves; empty: nobody asked who it was. */
  readonly subject: string;
}

export interface StoredClient {
  readonly clientId: string;
  readonly labels: Readonly<Record<string, string>>;
  readonly queues: readonly string[];
  /** When its newest session was opened or it said what it serves or, if it is away, when it went. */
  readonly lastSeenAt: number;
  readonly isDrained: boolean;
}
