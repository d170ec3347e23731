import type { Clock } from '../../shared/clock.ts';

/** One deadline among many; set again to move it. */
export interface Deadline {
  /** When it is due, in monotonic milliseconds. */
  at: number;
  /** The place in the heap; -1: the deadline is not set. */
  place: number;
  readonly run: () => void;
}

/**
 * Many deadlines behind one timer of the clock: a binary heap, so that 10,000 sessions cost no 10,000 timers.
 * Bounded by its users: one deadline a session, one a started task with a timeout.
 */
export interface Timers {
  create(run: () => void): Deadline;
  /** Sets a deadline to `ms` from now; moves it if it was set. */
  set(deadline: Deadline, ms: number): void;
  /**
   * Sets a deadline to about `ms` from now, together with others: at a multiple of `gridMs`, which may be so much
   * earlier. What is done for thousands a second then costs the process a few turns a second.
   */
  setTogether(deadline: Deadline, ms: number, gridMs: number): void;
  clear(deadline: Deadline): void;
  /** The wall clock, for what people are told. */
  readonly now: () => number;
  /** When a deadline is due by that, about; undefined: it is not set. */
  dueAt(deadline: Deadline): number | undefined;
  readonly size: number;
  close(): void;
}

export function createTimers(clock: Clock): Timers {
  const heap: Deadline[] = [];
  let stop: (() => void) | undefined;
  let stopAt = Number.POSITIVE_INFINITY;
  let isClosed = false;

  function put(deadline: Deadline, place: number): void {
    heap[place] = deadline;
    deadline.place = place;
  }

  function rise(deadline: Deadline, from: number): void {
    let place = from;
    while (place > 0) {
      const above = (place - 1) >> 1;
      const parent = heap[above]!;
      if (parent.at <= deadline.at) break;
      put(parent, place);
      place = above;
    }
    put(deadline, place);
  }

  function sink(deadline: Deadline, from: number): void {
    let place = from;
    for (;;) {
      let below = 2 * place + 1;
      if (below >= heap.length) break;
      const right = heap[below + 1];
      if (right && right.at < heap[below]!.at) below += 1;
      const child = heap[below]!;
      if (child.at >= deadline.at) break;
      put(child, place);
      place = below;
    }
    put(deadline, place);
  }

  function remove(deadline: Deadline): void {
    const { place } = deadline;
    if (place < 0) return;
    const last = heap.pop()!;
    deadline.place = -1;
    if (last === deadline) return;
    if (last.at < deadline.at) rise(last, place);
    else sink(last, place);
  }

  function arm(): void {
    const next = heap[0]?.at ?? Number.POSITIVE_INFINITY;
    if (next === stopAt || isClosed) return;
    // A timer that was set for an earlier deadline stays: it finds nothing due and arms again.
    if (stop && stopAt < next) return;
    stop?.();
    stopAt = next;
    stop = next === Number.POSITIVE_INFINITY ? undefined : clock.after(Math.max(0, next - clock.monotonic()), fire);
  }

  function fire(): void {
    stop = undefined;
    stopAt = Number.POSITIVE_INFINITY;
    const now = clock.monotonic();
    for (let first = heap[0]; first && first.at <= now; first = heap[0]) {
      remove(first);
      first.run();
    }
    arm();
  }

  function setAt(deadline: Deadline, at: number): void {
    if (isClosed) return;
    remove(deadline);
    deadline.at = at;
    heap.push(deadline);
    rise(deadline, heap.length - 1);
    arm();
  }

  return {
    create: (run) => ({ at: 0, place: -1, run }),
    now: clock.now,
    dueAt: ({ at, place }) => (place < 0 ? undefined : Math.round(clock.now() + at - clock.monotonic())),
    set: (deadline, ms) => setAt(deadline, clock.monotonic() + ms),
    setTogether(deadline, ms, gridMs) {
      const now = clock.monotonic();
      const next = Math.floor(now / gridMs) + 1;
      setAt(deadline, gridMs * Math.max(next, Math.floor((now + ms) / gridMs)));
    },
    clear(deadline) {
      remove(deadline);
    },
    get size() {
      return heap.length;
    },
    close() {
      isClosed = true;
      stop?.();
      heap.length = 0;
    },
  };
}
