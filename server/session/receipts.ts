/**
 * Which messages with tasks the client of a session has seen. Nobody has seen what has not left us: a receipt for that is
 * given blindly, and counts once it is true. Pure.
 */
export interface Receipts {
  /** A message with tasks is on its way to a socket that tells when it has it. */
  expect(seq: number): void;
  /** The socket has the oldest of those. Answers up to which message all is seen now; undefined: no more than before. */
  take(): number | undefined;
  /** The client names a message, up to which it has seen all; `newest` is the last that was sent. Answers as above. */
  give(upTo: number, newest: number): number;
}

export function createReceipts(): Receipts {
  /** Messages that no socket has taken yet, in order. Bounded by what the session may owe. */
  const untaken: number[] = [];
  /** The newest message that a receipt named. */
  let saidSeq = 0;

  function seenOf(newest: number): number {
    return Math.min(saidSeq, untaken.length > 0 ? untaken[0]! - 1 : newest);
  }

  return {
    expect(seq) {
      untaken.push(seq);
    },
    take() {
      const taken = untaken.shift();
      return taken === undefined || taken > saidSeq ? undefined : seenOf(saidSeq);
    },
    give(upTo, newest) {
      saidSeq = Math.max(saidSeq, Math.min(upTo, newest));
      return seenOf(newest);
    },
  };
}
