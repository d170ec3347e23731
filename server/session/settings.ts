/** What sessions need of the server's options. */
export interface SessionSettings {
  readonly node: string;
  readonly pingIntervalMs: number;
  readonly slowLineBytesPerSecond: number;
  readonly resumeWindowMs: number;
  /** Between two looks at what other nodes did to sessions here. Default: that of dispatch. */
  readonly pollMs?: number;
  readonly cancelGraceMs: number;
  /** How long the two streams of a session may be apart when it registers. */
  readonly pairingMs: number;
  readonly maxInFlight: number;
  readonly maxPlainInFlight: number;
  readonly maxResultBytes: number;
  /** Unreceipted bytes that one session may owe. */
  readonly maxUnreceiptedBytes: number;
  /** The same of all sessions together. */
  readonly unreceiptedBudgetBytes: number;
}
