import { ChurnMap } from '../../shared/churn.ts';
import type { Clock } from '../../shared/clock.ts';
import { ContactError } from '../../shared/errors.ts';
import { nameHolder } from '../model/caller.ts';

/** What a principal may take at once after it has taken nothing for as long. */
const BURST_MS = 1_000;
/** Principals that are remembered; of more the first that is found is forgotten, which may begin with a burst again. */
const MAX_REMEMBERED = 10_000;

/** A batch that waits for its turn. */
export interface Held {
  /** Resolves when the batch may go on: true; or to false, once it was given up. */
  readonly turn: Promise<boolean>;
  /** It will not go on, and what it was to take is given back. */
  giveUp(): void;
}

/**
 * How many tasks each principal enqueues in a second: a token bucket, kept as the instant at which it would be empty of debt.
 * A batch is let in when there is no debt, and may make as much as it has tasks: so a batch of any size comes in in the
 * end, however low the rate. It is counted for all holders of the caller (`holdersOf`): for the operator too that has made it. Callers
 * whom nobody asked who they are have no rate.
 */
export interface Rates {
  /** RESOURCE_EXHAUSTED naming `tasks`, and when to come again: one of the holders has enqueued too much. */
  take(holders: readonly string[], count: number): void;
  /** Undefined: the batch may go on at once. Batches of a principal that are held go on in the order they came. */
  hold(holders: readonly string[], count: number): Held | undefined;
}

export interface RatesOptions {
  readonly perSecond: number;
  readonly clock: Pick<Clock, 'monotonic' | 'after'>;
  /** A batch was refused, or is held. */
  readonly onReached: () => void;
}

export function createRates({ perSecond, clock, onReached }: RatesOptions): Rates {
  /** When each is free of debt, monotonic. Those that have been for as long as a burst are as good as forgotten. */
  const freeAt = new ChurnMap<string, number>();

  const debtlessAt = (principal: string, now: number): number => Math.max(freeAt.get(principal) ?? 0, now - BURST_MS);

  function note(principal: string, at: number, now: number): void {
    if (freeAt.size >= MAX_REMEMBERED && !freeAt.has(principal)) forgetSome(now);
    freeAt.set(principal, at);
  }

  function forgetSome(now: number): void {
    let first: string | undefined;
    for (const [principal, at] of freeAt) {
      if (at <= now - BURST_MS) freeAt.delete(principal);
      else first ??= principal;
    }
    if (freeAt.size >= MAX_REMEMBERED) freeAt.delete(first!);
  }

  const costOf = (count: number): number => (count * 1_000) / perSecond;

  return {
    take(holders, count) {
      const now = clock.monotonic();
      for (const [place, holder] of holders.entries()) {
        const at = debtlessAt(holder, now);
        if (at <= now) continue;
        onReached();
        const enqueues = `${nameHolder(holders, place)} ${place === 0 ? 'enqueues' : 'enqueue'}`;
        const problem = `${enqueues} more than ${perSecond} tasks a second`;
        const retryAfterMs = Math.ceil(at - now);
        throw new ContactError('RESOURCE_EXHAUSTED', problem, { field: 'tasks', retryAfterMs });
      }
      for (const holder of holders) note(holder, debtlessAt(holder, now) + costOf(count), now);
    },

    hold(holders, count) {
      const now = clock.monotonic();
      let at = now;
      for (const holder of holders) {
        const debtless = debtlessAt(holder, now);
        at = Math.max(at, debtless);
        note(holder, debtless + costOf(count), now);
      }
      if (at <= now) return undefined;
      onReached();
      let settle: (goesOn: boolean) => void;
      const turn = new Promise<boolean>((resolve) => {
        settle = resolve;
      });
      let isOver = false;
      const end = (goesOn: boolean): void => {
        if (isOver) return;
        isOver = true;
        settle(goesOn);
      };
      const stop = clock.after(at - now, () => end(true));
      return {
        turn,
        giveUp() {
          if (isOver) return;
          stop();
          for (const holder of holders) {
            const later = freeAt.get(holder);
            if (later !== undefined) freeAt.set(holder, later - costOf(count));
          }
          end(false);
        },
      };
    },
  };
}
