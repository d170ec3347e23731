import { appendFileSync } from 'node:fs';
import { after } from 'mocha';
import { isFull } from '../scene/full.ts';
import { type Figures, formatTable, type Round, type Scale } from './figuretable.ts';
import type { Balance } from './ledger.ts';

// What the fault tests came to: each notes down its rounds, a table comes at the end of the run. With
// CONTACT_FIGURES=FILE each round is also a line of JSON there, so that a long run can be done in pieces:
// `node test/faults/table.ts FILE` prints the table of all of them.

/** Of a test that would have failed otherwise, without a ledger. */
export const UNHARMED: Omit<Figures, 'tasks'> = {
  lost: 0,
  acceptedTwice: 0,
  executedTwice: null,
  redelivered: 0,
  longestMs: null,
};

const rounds: Round[] = [];

export function noteRound(fault: string, scale: Scale, figures: Figures): void {
  const round: Round = { fault, scale, ...figures };
  rounds.push(round);
  const file = process.env.CONTACT_FIGURES;
  if (file) appendFileSync(file, `${JSON.stringify(round)}\n`);
}

/** What a ledger comes to. */
export function figuresOf(
  { inputs, lost, acceptedTwice, executedTwice }: Balance,
  { redelivered = 0, longestMs = null, mayRepeat = false }: Partial<Figures> & { readonly mayRepeat?: boolean } = {},
): Figures {
  return {
    tasks: inputs,
    lost,
    acceptedTwice,
    executedTwice: mayRepeat ? null : executedTwice,
    redelivered,
    longestMs: longestMs === null ? null : Math.round(longestMs),
  };
}

// At the root: after the last test of the run.
after(() => {
  if (isFull && rounds.length > 0) console.log(`\n${formatTable(rounds)}\n`);
});
