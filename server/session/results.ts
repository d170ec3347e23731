import type { Random } from '../../shared/clock.ts';
import type { TaskQueue } from '../dispatch/queue.ts';
import { isOwnedBy, type Namer } from '../model/owner.ts';
import type { Delivery } from '../model/task.ts';
import type { Release, Settlement, SettleOutcome } from '../store/deliveries.ts';
import { isRefusal, type NoteFailure, type StoreOperation } from '../store/failure.ts';
import type { Ends } from './ends.ts';
import type { Holder, Holders } from './holders.ts';
import { mayHaveStarted, runTimeOf, startOf } from './ledger.ts';
import type { Lost } from './lost.ts';
import type { Outcome, OutcomeCode } from './outlet.ts';
import type { FailedReport, ResultReport } from './report.ts';
import type { Session } from './session.ts';

export interface ResultsOptions {
  readonly queue: TaskQueue;
  readonly holders: Holders;
  /** What sessions that an earlier process left, and that have not come back, know of a delivery. */
  readonly absent: () => Pick<Lost, 'ownerOf' | 'answer'>;
  readonly random: Random;
  readonly monotonic: () => number;
  readonly ends: Pick<Ends, 'note'>;
  readonly maxResultBytes: number;
  readonly noteFailure: NoteFailure;
}

type Store<T> = (items: readonly T[]) => Promise<readonly SettleOutcome[]>;

/**
 * Takes results of any session of a client over any stream; answers after the commit, one outcome each, never rejects.
 * What is another client's, or another principal's, is STALE.
 */
export type TakeResults = (report: ResultReport, by: Namer) => Promise<Outcome[]>;

export function createTakeResults(options: ResultsOptions): TakeResults {
  const { queue, holders, absent, random, monotonic, ends, maxResultBytes, noteFailure } = options;

  function fail({ taskId, delivery, error, retry }: FailedReport): Settlement {
    const startedAt = startOf(holders.find({ taskId, delivery })?.held);
    return { kind: 'failed', taskId, delivery, startedAt, error, retry, random: random() };
  }

  /** Whether the delivery is not that of who names it. The store judges one that nobody on this node has any more. */
  function isForeign(one: Delivery, by: Namer): boolean {
    const owner = holders.find(one)?.session ?? absent().ownerOf(one);
    return owner !== undefined && !isOwnedBy(owner, by);
  }

  return async (report, by) => {
    const { clientId, subject } = by;
    // Nobody asked, and no client is named: the report counts as that of whoever has the delivery.
    if (clientId === undefined && subject === '') return takeOwn(report, {}, {});
    const { order, own } = separate(report, (one) => isForeign(one, by));
    const outcomes = await takeOwn(own, clientId === undefined ? { namedBy: by } : { clientId, namedBy: by }, {
      namedBy: by,
    });
    if (!order) return outcomes;
    let next = 0;
    return order.map((foreign) => (foreign ? { ...foreign, code: 'STALE', afterMs: 0 } : outcomes[next++]!));
  };

  async function takeOwn(
    report: ResultReport,
    settledBy: Pick<Settlement, 'clientId' | 'namedBy'>,
    releasedBy: Pick<Release, 'namedBy'>,
  ): Promise<Outcome[]> {
    const { succeeded, failed, released, stopped, untouched } = report;
    const count = succeeded.length + failed.length + released.length + stopped.length + untouched.length;
    if (count === 0) return [];
    const settlements: Settlement[] = [];
    const tooLarge = new Set<number>();
    for (const one of succeeded) {
      if (one.result.byteLength <= maxResultBytes) {
        const { taskId, delivery, result, contentType } = one;
        settlements.push({ kind: 'succeeded', taskId, delivery, result, contentType });
        continue;
      }
      tooLarge.add(settlements.length);
      const message = `the result has ${one.result.byteLength} bytes, at most ${maxResultBytes} are taken`;
      settlements.push(fail({ ...one, error: { code: 'TOO_LARGE', message }, retry: { kind: 'never' } }));
    }
    for (const one of failed) settlements.push(fail(one));
    for (const one of stopped) settlements.push({ kind: 'stopped', ...nameDelivery(one), ...startedOf(one) });
    const releases = [
      ...released.map((one): Release => ({ ...nameDelivery(one), cause: 'released', ...startedOf(one) })),
      ...untouched.map(
        (one): Release => ({ ...nameDelivery(one), cause: 'released', ...startedOf(one), isStarted: false }),
      ),
    ];

    for (const session of idlers([...releases.filter(({ isStarted }) => !isStarted), ...stopped.filter(isUnasked)]))
      session.options.brake.gaveBack();
    const hasWorked = succeeded.length + failed.length > 0;
    const [settleOutcomes, releaseOutcomes] = await Promise.all([
      take('settleTasks', settlements, (some) => queue.settle(some.map((one) => ({ ...one, ...settledBy }))), {
        tooLarge,
        hasWorked,
      }),
      take('releaseTasks', releases, (some) => queue.release(some.map((one) => ({ ...one, ...releasedBy })))),
    ]);
    const stoppedFrom = succeeded.length + failed.length;
    if (releases.length === 0) return settleOutcomes;
    const releasedOutcomes = releaseOutcomes.slice(0, released.length);
    const untouchedOutcomes = releaseOutcomes.slice(released.length);
    return [...settleOutcomes.toSpliced(stoppedFrom, 0, ...releasedOutcomes), ...untouchedOutcomes];
  }

  /** Whether a delivery counts as started: one that nobody on this node remembers does, since it may have. */
  function startedOf(one: Delivery): { readonly isStarted: boolean; readonly startedAt: number | null } {
    const held = holders.find(one)?.held;
    const isStarted = !held || mayHaveStarted(held);
    return { isStarted, startedAt: startOf(held) };
  }

  /** Whether a delivery was stopped that nobody wanted to stop, with nothing done: it is as good as given back. */
  function isUnasked(one: Delivery): boolean {
    const held = holders.find(one)?.held;
    return held !== undefined && !held.grace && !held.isClosed && !mayHaveStarted(held);
  }

  function idlers(unworked: readonly Delivery[]): Set<Session> {
    return new Set(unworked.flatMap((one) => holders.find(one)?.session ?? []));
  }

  /**
   * Keeps the ledgers around `store`: before it what is told counts as settling, so that its credit is free from the
   * moment it is in the group commit; after it what was settled goes out of its ledger, and what was not is held as
   * before.
   */
  async function take<T extends Delivery>(
    operation: StoreOperation,
    items: readonly T[],
    store: Store<T>,
    settling?: Settling,
  ): Promise<Outcome[]> {
    if (items.length === 0) return [];
    const cameAt = monotonic();
    const freeing = new Set<Session>();
    const known = items.map((item) => holders.find(item));
    const begun: Holder[] = [];
    for (const holder of known) {
      if (holder) holder.session.isOverdue = false;
      if (!holder || holder.held.isSettling) continue;
      holder.session.ledger.beginSettling(holder.held);
      begun.push(holder);
      freeing.add(holder.session);
    }
    const storing = tryStore(operation, items, store);
    for (const session of freeing) {
      if (settling?.hasWorked) session.options.brake.finished();
      session.options.onCapacity(session);
    }
    const outcomes = await storing;
    const freed = new Set<Session>();
    const told = items.map(({ taskId, delivery }, index): Outcome => {
      const outcome = outcomes[index]!;
      const before = known[index];
      if (typeof outcome === 'number') {
        // The next session of the client may have taken the delivery over meanwhile: its ledger is told.
        if (before && begun.includes(before)) before.session.ledger.stopSettling(before.held);
        return { taskId, delivery, code: 'RETRY_LATER', afterMs: outcome };
      }
      const code = settling?.tooLarge.has(index) ? codeOfTooLarge(outcome) : outcome.code;
      if (settling && before) noteEnd(items[index]!, outcome, before, cameAt);
      const holder = before?.isDropped === false ? before : holders.find({ taskId, delivery });
      // A delivery that came about after somebody had guessed its number is not accounted for by the guess.
      if (holder && (code !== 'STALE' || holder === before)) {
        holders.drop(holder);
        if (!holder.held.isSettling) freed.add(holder.session);
      }
      if (!holder) absent().answer({ taskId, delivery });
      return { taskId, delivery, code, afterMs: 0 };
    });
    // A delivery that was held only after its report came frees credit that nobody has been told of.
    for (const session of freed) session.options.onCapacity(session);
    return told;
  }

  /** Counts a run among those of the client that had it, once its end is stored: not what was stopped, or cancelled. */
  function noteEnd(item: Delivery, outcome: SettleOutcome, { session, held }: Holder, cameAt: number): void {
    if (outcome.code !== 'STORED' || outcome.event?.state === 'cancelled') return;
    const { kind } = item as Settlement;
    if (kind !== 'succeeded' && kind !== 'failed') return;
    ends.note(
      session.clientId,
      kind === 'failed',
      runTimeOf(held, session.tellsStarts ? session.quietSince : 0, cameAt),
    );
  }

  /**
   * What became of each item; a number: it was not stored, and may be told again after so many milliseconds. What meets a
   * bug does not hold up what was told with it: then each is stored alone.
   */
  async function tryStore<T>(
    operation: StoreOperation,
    items: readonly T[],
    store: Store<T>,
  ): Promise<readonly (SettleOutcome | number)[]> {
    try {
      return await store(items);
    } catch (error) {
      if (items.length > 1 && !isRefusal(error)) {
        return (await Promise.all(items.map((one) => tryStore(operation, [one], store)))).flat();
      }
      const afterMs = noteFailure(operation, error);
      return items.map(() => afterMs);
    }
  }
}

/** What is known of results that are on their way into the store. */
interface Settling {
  /** The places of those that fail by their size. */
  readonly tooLarge: ReadonlySet<number>;
  /** Some of them tell of work that was done. */
  readonly hasWorked: boolean;
}

/** A task whose cancel was asked for ends by that, whatever was told: only what failed has failed by its size. */
function codeOfTooLarge({ code, event }: SettleOutcome): OutcomeCode {
  return event?.state === 'failed' ? 'TOO_LARGE' : code;
}

function nameDelivery({ taskId, delivery }: Delivery): Delivery {
  return { taskId, delivery };
}

interface Separated {
  /** In the order of outcomes, null for an item that stays; null: all of them do. */
  readonly order: readonly (Delivery | null)[] | null;
  readonly own: ResultReport;
}

/** Takes out of a report what is not its client's to say. */
function separate(report: ResultReport, isForeign: (one: Delivery) => boolean): Separated {
  const { succeeded, failed, released, stopped, untouched } = report;
  const lists: readonly (readonly Delivery[])[] = [succeeded, failed, released, stopped, untouched];
  if (!lists.some((items) => items.some(isForeign))) return { order: null, own: report };
  const order = lists.flatMap((items) =>
    items.map((one) => (isForeign(one) ? { taskId: one.taskId, delivery: one.delivery } : null)),
  );
  const isOwn = (one: Delivery): boolean => !isForeign(one);
  const own = {
    succeeded: succeeded.filter(isOwn),
    failed: failed.filter(isOwn),
    released: released.filter(isOwn),
    stopped: stopped.filter(isOwn),
    untouched: untouched.filter(isOwn),
  };
  return { order, own };
}
