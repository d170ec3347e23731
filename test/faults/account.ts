import assert from 'node:assert/strict';
import { figuresOf } from './figures.ts';
import type { Figures } from './figuretable.ts';
import type { Run } from './journal.ts';
import { checkLedger, soundBalance } from './ledger.ts';
import type { Rig } from './rig.ts';

export interface AccountOptions {
  readonly queue?: string;
  /** Inputs that had to be executed again, since their worker died or was away for too long. Default: none. */
  readonly executedTwice?: number | 'some';
  /** Wall clock, when something was done to them: what begins again is timed from the last of these before it. */
  readonly faultsAt?: readonly number[];
}

/** Inputs whose handler was entered for a delivery that was not the first. */
export function runsAgain(rig: Rig, queue?: string): Run[] {
  return rig.journal(queue).filter((entry): entry is Run => entry.kind === 'began' && entry.delivery > 1);
}

/** Checks the ledger of `tasks` inputs; nothing lost, nothing accepted twice. Answers what they come to. */
export async function checkAccount(rig: Rig, tasks: number, options: AccountOptions = {}): Promise<Figures> {
  const { queue, executedTwice = 0, faultsAt = [] } = options;
  const balance = checkLedger(await rig.ledger(queue));
  const expected = executedTwice === 'some' ? balance.executedTwice : executedTwice;
  assert.deepEqual(balance, { ...soundBalance(tasks), executedTwice: expected });
  const again = runsAgain(rig, queue);
  const waitedMs = again.flatMap(({ at }) => {
    const fault = faultsAt.findLast((one) => one <= at);
    return fault === undefined ? [] : [at - fault];
  });
  return figuresOf(balance, {
    mayRepeat: executedTwice !== 0,
    redelivered: new Set(again.map(({ id }) => id)).size,
    longestMs: waitedMs.length === 0 ? null : Math.max(...waitedMs),
  });
}
