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
  /** Of one session. */
  readonly maxUnreceiptedBytes: number;
  /** Of all sessions together. */
  readonly unreceiptedBudgetBytes: number;
}
