/** A task of one input. */
export interface Entered {
  readonly input: number;
  readonly id: string;
}

export interface Accepted extends Entered {
  /** It succeeded, with the right answer to its input. */
  readonly isRight: boolean;
}

/** What was seen of one run, by whom it was seen. Inputs are numbers, each meant to be done once. */
export interface Ledger {
  /** Inputs that the producer handed to the SDK. */
  readonly sent: readonly number[];
  /** Tasks that the server acknowledged to the producer. */
  readonly acknowledged: readonly Entered[];
  /** Tasks that the server has. */
  readonly stored: readonly Entered[];
  /** Handlers entered by workers. */
  readonly executed: readonly Entered[];
  /** The results log from its beginning. */
  readonly accepted: readonly Accepted[];
}

/** Counts; what must be zero is zero when all is well. */
export interface Balance {
  readonly inputs: number;
  readonly stored: number;
  readonly acknowledged: number;
  readonly accepted: number;
  /** Must be zero: inputs acknowledged that have no accepted result. */
  readonly lost: number;
  /** Must be zero when the producer has ended: inputs sent that are not stored. */
  readonly unstored: number;
  /** Must be zero: inputs stored as more than one task. */
  readonly storedTwice: number;
  /** Must be zero: inputs with more than one accepted result. */
  readonly acceptedTwice: number;
  /** Inputs whose handler was entered more than once: zero while workers live. */
  readonly executedTwice: number;
  /** Must be zero: results that are no answer, or of an input that nobody sent. */
  readonly wrong: number;
}

export function checkLedger(ledger: Ledger): Balance {
  const sent = new Set(ledger.sent);
  const stored = countInputs(ledger.stored);
  const accepted = countInputs(ledger.accepted);
  const acknowledged = countInputs(ledger.acknowledged);
  const storedIds = new Set(ledger.stored.map(({ id }) => id));
  return {
    inputs: sent.size,
    stored: stored.size,
    acknowledged: acknowledged.size,
    accepted: accepted.size,
    // An id that the server does not know was lost, whatever became of the input's other tasks.
    lost: new Set(
      ledger.acknowledged
        .filter(({ input, id }) => !accepted.has(input) || !storedIds.has(id))
        .map(({ input }) => input),
    ).size,
    unstored: [...sent].filter((input) => !stored.has(input)).length,
    storedTwice: countRepeated(stored),
    acceptedTwice: countRepeated(accepted),
    executedTwice: countRepeated(countInputs(ledger.executed)),
    wrong: ledger.accepted.filter(({ input, isRight }) => !isRight || !sent.has(input)).length,
  };
}

function countInputs(entries: readonly Entered[]): Map<number, number> {
  const counts = new Map<number, number>();
  for (const { input } of entries) counts.set(input, (counts.get(input) ?? 0) + 1);
  return counts;
}

function countRepeated(counts: ReadonlyMap<number, number>): number {
  let repeated = 0;
  for (const count of counts.values()) if (count > 1) repeated += 1;
  return repeated;
}

/** What `inputs` inputs come to when nothing was lost and nothing was done twice. */
export function soundBalance(inputs: number): Balance {
  return {
    inputs,
    stored: inputs,
    acknowledged: inputs,
    accepted: inputs,
    lost: 0,
    unstored: 0,
    storedTwice: 0,
    acceptedTwice: 0,
    executedTwice: 0,
    wrong: 0,
  };
}
