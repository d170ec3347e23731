import type { ContactError } from '../../shared/errors.ts';
import type { Engine } from './commit.ts';

/** For so long a refusal counts while nobody tries again: whoever asks whether to try must not be put off for ever. */
const COUNTS_MS = 5_000;

type Verdict = ReturnType<Engine<unknown>['judge']>;

/** Whether commits go through, by the newest one that was tried. */
export interface Refusals {
  /** Passes on what a failed commit was judged to be, and notes why it was refused. */
  note(verdict: Verdict): Verdict;
  /** A commit went through. */
  worked(): void;
  /** Why the newest commit was refused; undefined: it went through, or that was long ago. */
  last(): ContactError | undefined;
}

export function createRefusals(monotonic: () => number = () => performance.now()): Refusals {
  let refusal: ContactError | undefined;
  let refusedAt = 0;
  return {
    note(verdict) {
      if (verdict.kind === 'refused') {
        refusal = verdict.error;
        refusedAt = monotonic();
      }
      return verdict;
    },
    worked() {
      refusal = undefined;
    },
    last: () => (refusal && monotonic() - refusedAt < COUNTS_MS ? refusal : undefined),
  };
}
