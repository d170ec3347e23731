/** Named clients, remembered while they are away. The rules of store.ts hold. */
export interface ClientStore {
  /** Named clients that are remembered, by id, those after `after` ('': from the first). */
  listClients(after: string, limit: number): Promise<readonly StoredClient[]>;

  /** Drained until set back; remembered for named clients only. False: not a named client. */
  drainClient(clientId: string, isDrained: boolean): Promise<boolean>;
}

export interface StoredClient {
  readonly clientId: string;
  readonly labels: Readonly<Record<string, string>>;
  readonly queues: readonly string[];
  /** When its newest session was opened or, if it is away, when that was lost or ended. */
  readonly lastSeenAt: number;
  readonly isDrained: boolean;
}
