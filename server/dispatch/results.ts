import { type Observable, Subject } from 'rxjs';
import { ChurnMap, ChurnSet } from '../../shared/churn.ts';
import { ContactError } from '../../shared/errors.ts';
import { formatCursor, parseCursor } from '../model/cursor.ts';
import type { ResultRecord } from '../model/task.ts';
import type { ResultStore } from '../store/results.ts';
import type { Store } from '../store/store.ts';

/** The newest results are kept in memory while somebody observes, so that those who keep up cost no reads. */
const RECENT_COUNT = 2_000;
const RECENT_BYTES = 4 << 20;

/** Results of one page that is read from the store. */
const PAGE_ROWS = 250;

/**
 * The results log as observers see it. Each reader pulls pages from its own position at its own pace: from memory
 * when it keeps up, from the store when it does not; so replay goes over into following without a gap, and a slow
 * reader holds one page.
 */
export interface ResultsLog {
  /** Takes committed results, in any order within one commit. */
  append(records: readonly ResultRecord[]): void;
  /** Reads from the store what no signal has told of yet. */
  catchUp(): Promise<void>;
  /** The store has another epoch: whoever follows the log is refused with its next read, and cursors are new ones. */
  restart(): Promise<void>;
  /** Results of these tasks were deleted from the store: memory does not tell them either. */
  forget(taskIds: readonly string[]): void;
  /**
   * Up to a page of results after `position`; empty: none yet. OUT_OF_RANGE: the position is of another epoch than that
   * of the store now.
   */
  read(position: number, epoch?: string): Promise<readonly ResultRecord[]>;
  /** Counts somebody who reads the log from where he has got to, until the answer is called. */
  enter(reader: { readonly position: number }): () => void;
  /** By how many results each reader is behind. */
  lags(): number[];
  /** The epoch of the positions that are told now. */
  readonly epoch: string;
  /** Emits when there is more; carries nothing, so a reader that missed one has lost nothing. */
  readonly advanced$: Observable<void>;
  readonly newest: number;
  /** The result of one task, when it comes; take the subscription back when you stop waiting. */
  onSettled(taskId: string, listener: (record: ResultRecord) => void): () => void;
  /** A position from what an observer asked for. OUT_OF_RANGE: the beginning is not kept, or it is not there yet. */
  locate(start: ResultStart): Promise<number>;
  /** @param epoch the position's; default: that of the store now */
  cursorAt(position: number, epoch?: string): string;
  close(): void;
}

export type ResultStart =
  | { readonly kind: 'beginning' }
  | { readonly kind: 'now' }
  | { readonly kind: 'oldest' }
  | { readonly kind: 'cursor'; readonly cursor: string };

export async function openResultsLog(store: ResultStore & Pick<Store, 'epoch'>): Promise<ResultsLog> {
  const advanced = new Subject<void>();
  /** The newest results, each at its position modulo the length. */
  const recent = new Array<ResultRecord | undefined>(RECENT_COUNT);
  const listenersByTask = new ChurnMap<string, Set<(record: ResultRecord) => void>>();
  let recentBytes = 0;
  let oldest = 0;
  /** The newest position that there was when somebody read last. */
  let lastRead = Number.NEGATIVE_INFINITY;
  let { epoch } = store;
  let newest = (await store.resultBounds()).newest;
  /** Every result up to here was told, or was there before. */
  let toldUpTo = newest;
  /**
   * Positions told beyond that, out of order: within a commit, or because one before is missing, until the next
   * `catchUp`.
   */
  const toldBeyond = new Set<number>();
  // One for each open call, which is the bound.
  const readers = new ChurnSet<{ readonly position: number }>();

  function recall(position: number): ResultRecord | undefined {
    const record = recent[position % RECENT_COUNT];
    return record?.position === position ? record : undefined;
  }

  function put(slot: number, record: ResultRecord | undefined): void {
    const before = recent[slot];
    if (before) recentBytes -= sizeOf(before);
    if (record) recentBytes += sizeOf(record);
    recent[slot] = record;
  }

  function keep(told: ResultRecord): void {
    // The bytes may be a view that pins a whole received frame.
    const record = told.result.byteLength === 0 ? told : { ...told, result: Buffer.from(told.result) };
    put(record.position % RECENT_COUNT, record);
    for (
      oldest = Math.max(oldest, newest - RECENT_COUNT + 1);
      recentBytes > RECENT_BYTES && oldest < newest;
      oldest += 1
    ) {
      put(oldest % RECENT_COUNT, undefined);
    }
  }

  /** Notes a position. False: it was told before. */
  function note(position: number): boolean {
    if (position <= toldUpTo || toldBeyond.has(position)) return false;
    newest = Math.max(newest, position);
    if (position === toldUpTo + 1) moveTo(position);
    else toldBeyond.add(position);
    return true;
  }

  function moveTo(position: number): void {
    toldUpTo = position;
    while (toldBeyond.size > 0 && toldBeyond.delete(toldUpTo + 1)) toldUpTo += 1;
  }

  function append(given: readonly ResultRecord[]): void {
    const records = given.filter(({ position }) => note(position));
    if (records.length === 0) return;
    const isRead = advanced.observed || newest - lastRead < RECENT_COUNT;
    for (const record of records) {
      if (isRead) keep(record);
      if (listenersByTask.size === 0) continue;
      for (const listener of listenersByTask.get(record.taskId) ?? []) listener(record);
    }
    advanced.next();
  }

  return {
    append,

    async catchUp() {
      const bounds = await store.resultBounds();
      while (toldUpTo < bounds.newest) {
        const page = await store.readResults(toldUpTo, PAGE_ROWS);
        append(page);
        // Results that were deleted are in no page.
        const readUpTo = page.at(-1)?.position ?? bounds.newest;
        if (readUpTo <= toldUpTo) continue;
        for (const position of toldBeyond) if (position <= readUpTo) toldBeyond.delete(position);
        moveTo(readUpTo);
      }
    },

    async restart() {
      epoch = store.epoch;
      for (let slot = 0; slot < RECENT_COUNT; slot += 1) put(slot, undefined);
      toldBeyond.clear();
      ({ newest } = await store.resultBounds());
      toldUpTo = newest;
      oldest = 0;
      advanced.next();
    },

    forget(taskIds) {
      const gone = new Set(taskIds);
      recent.forEach((record, slot) => {
        if (record && gone.has(record.taskId)) put(slot, undefined);
      });
    },

    async read(position, ofEpoch = epoch) {
      if (ofEpoch !== epoch) parseCursor(formatCursor(ofEpoch, position), epoch);
      lastRead = newest;
      if (position >= newest) return [];
      const page: ResultRecord[] = [];
      for (let next = recall(position + 1); next && page.length < PAGE_ROWS; next = recall(next.position + 1)) {
        page.push(next);
      }
      return page.length > 0 ? page : store.readResults(position, PAGE_ROWS);
    },

    enter(reader) {
      readers.add(reader);
      return () => readers.delete(reader);
    },
    lags: () => [...readers].map(({ position }) => Math.max(0, newest - position)),

    advanced$: advanced.asObservable(),

    get epoch() {
      return epoch;
    },

    get newest() {
      return newest;
    },

    onSettled(taskId, listener) {
      const listeners = listenersByTask.get(taskId) ?? new Set();
      listenersByTask.set(taskId, listeners.add(listener));
      return () => {
        listeners.delete(listener);
        if (listeners.size === 0 && listenersByTask.get(taskId) === listeners) listenersByTask.delete(taskId);
      };
    },

    async locate(start) {
      const bounds = await store.resultBounds();
      if (start.kind === 'now') return newest;
      if (start.kind === 'oldest') return bounds.beforeOldest;
      const position = start.kind === 'beginning' ? 0 : parseCursor(start.cursor, epoch).position;
      // Whoever goes on from a cursor is told how many results are gone since then, and goes on; who wants all is not.
      if (start.kind === 'beginning' && position < bounds.beforeOldest) {
        const oldest = formatCursor(epoch, bounds.beforeOldest);
        throw new ContactError('OUT_OF_RANGE', `results before ${oldest} are no longer kept`, { field: 'cursor' });
      }
      if (position > bounds.newest)
        throw new ContactError('OUT_OF_RANGE', 'it lies beyond the newest result', { field: 'cursor' });
      return position;
    },

    cursorAt: (position, ofEpoch = epoch) => formatCursor(ofEpoch, position),

    close() {
      advanced.complete();
      listenersByTask.clear();
    },
  };
}

function sizeOf(record: ResultRecord): number {
  return record.result.byteLength + 512;
}
