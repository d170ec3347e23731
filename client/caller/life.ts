import type { StatusObject } from '@grpc/grpc-js';
import type { ChurnSet } from '../../shared/churn.ts';
import type { Clock } from '../../shared/clock.ts';
import { endHere } from './error.ts';

/** How long a call may go on, and what ends it from this side, whichever comes first. */
export interface Life {
  /** Aborted when it is to end; `end` has why. */
  readonly signal: AbortSignal;
  readonly end: StatusObject | undefined;
  /** Milliseconds until the deadline, none below 0; undefined: there is none. */
  leftMs(): number | undefined;
  /** Nobody wants its answers any more. */
  stop(end: StatusObject): void;
  /** It is over, and is forgotten. */
  close(): void;
}

export interface LifeOptions {
  readonly clock: Clock;
  readonly deadlineMs: number | undefined;
  readonly signal: AbortSignal | undefined;
  /** The calls of a caller that are open, which adds itself and takes itself away. */
  readonly open: ChurnSet<Life>;
}

export function beginLife({ clock, deadlineMs, signal, open }: LifeOptions): Life {
  const ending = new AbortController();
  const endsAt = deadlineMs === undefined ? undefined : clock.monotonic() + deadlineMs;
  let end: StatusObject | undefined;
  const onAbort = (): void => life.stop(endHere('CANCELLED', 'the call was cancelled'));
  const expire = (): void => life.stop(endHere('DEADLINE_EXCEEDED', `no answer within ${deadlineMs} ms`));
  const stopTimer = deadlineMs === undefined ? () => undefined : clock.after(deadlineMs, expire);
  const life: Life = {
    signal: ending.signal,
    get end() {
      // Timers may be late.
      if (!end && endsAt !== undefined && clock.monotonic() >= endsAt) expire();
      return end;
    },
    leftMs: () => (endsAt === undefined ? undefined : Math.max(0, endsAt - clock.monotonic())),
    stop(why) {
      if (end) return;
      end = why;
      ending.abort();
    },
    close() {
      stopTimer();
      signal?.removeEventListener('abort', onAbort);
      open.delete(life);
    },
  };
  open.add(life);
  if (signal?.aborted) onAbort();
  else signal?.addEventListener('abort', onAbort, { once: true });
  return life;
}
