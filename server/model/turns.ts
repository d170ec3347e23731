// Whose turn it is when several want what is ready. Pure: a store says what there is, and gives it.

/** What is next in a lane. */
export interface Head {
  /** The priority negated, so that what is smaller comes first, as by `seq`. */
  readonly nprio: number;
  /** A number that grows in the order in which tasks became ready. */
  readonly seq: number;
}

/** Within a queue, over all its lanes: the larger priority, then what has been ready for longer. */
export function isBefore(a: Head, b: Head): boolean {
  return a.nprio !== b.nprio ? a.nprio < b.nprio : a.seq < b.seq;
}

/**
 * Those who want in turn, one thing each time, beginning with the first: fair when supply is short, and when it is not
 * each gets all that it may have.
 * @param begin before the first turn of each, when those before it have had theirs
 * @param giveOne false: it has all that it gets
 */
export function giveInTurn<W, T>(wanting: readonly W[], begin: (one: W) => T, giveOne: (taker: T) => boolean): void {
  let active: T[] = [];
  for (const one of wanting) {
    const taker = begin(one);
    if (giveOne(taker)) active.push(taker);
  }
  while (active.length > 0) active = active.filter(giveOne);
}

/** One who takes from several queues. */
export interface QueueTurns<Q> {
  readonly queues: readonly Q[];
  /** The number of the next turn; whoever takes what is next counts it up. */
  next: number;
}

/**
 * What is next for one who takes from several queues: queues in turn, and one that has nothing is passed over; its turn
 * is over. Undefined: none has anything.
 */
export function nextInTurn<Q, H, C>(
  taker: QueueTurns<Q>,
  headOf: (queue: Q, context: C) => H | undefined,
  context: C,
): H | undefined {
  const { queues } = taker;
  for (let passed = 0; passed < queues.length; passed++, taker.next++) {
    const head = headOf(queues[taker.next % queues.length]!, context);
    if (head !== undefined) return head;
  }
  return undefined;
}
