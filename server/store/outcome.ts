/** What became of a task that was to be inserted. */
export interface InsertOutcome {
  /** The id that is stored: another one when an idempotency key found it. */
  readonly id: string;
  readonly deduplicated: boolean;
}
