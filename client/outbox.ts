import { create } from '@bufbuild/protobuf';
import { type Failed, FailedSchema, type Outcome, OutcomeCode, type Succeeded } from '../gen/contact/v1/contact_pb.ts';
import type { Delivery } from '../gen/contact/v1/task_pb.ts';
import { ChurnMap } from '../shared/churn.ts';
import type { Clock } from '../shared/clock.ts';
import { cutText } from './text.ts';

/** What became of a delivery in this worker. A report is resent until the server has an outcome for it. */
export type Report =
  | { readonly kind: 'succeeded'; readonly message: Succeeded }
  | { readonly kind: 'failed'; readonly message: Failed }
  | { readonly kind: 'released' | 'stopped' | 'untouched'; readonly message: Delivery };

/** Where reports are stored that outlive the process. */
export interface ReportStore {
  put(report: Report): void;
  drop(key: string): void;
}

interface Entry {
  readonly key: string;
  report: Report;
  bytes: number;
  /** How often a connection broke while this report was on its way, the first time perhaps by another's fault. */
  cuts: number;
  /** `unsent` waits for a message that has space for it, `sent` for its outcome, `deferred` for `dueAt`. */
  state: 'unsent' | 'sent' | 'deferred';
  dueAt: number;
}

/** Task id, numbers and tags of one report, generously. */
const REPORT_OVERHEAD_BYTES = 80;
/** A server that says RETRY_LATER without a time is not asked more often than this. */
const MIN_RETRY_MS = 50;
/**
 * How often a report may be alone on a stream that breaks. More often by chance is not likely, and the delivery would
 * be held for ever.
 */
const MAX_CUTS = 8;
const MAX_MESSAGE_BYTES = 1_024;

/** The name of a delivery in maps. Most deliveries are the first of their task: for those no string is made. */
export function deliveryKey({ taskId, delivery }: { readonly taskId: string; readonly delivery: number }): string {
  return delivery === 1 ? taskId : `${taskId}/${delivery}`;
}

/**
 * Results, releases and stops that the server has not acknowledged. Bounded by the credit: a delivery stays on the
 * server's account of the session, and is not replaced by a new one, until its outcome was told.
 */
export class Outbox {
  readonly #clock: Clock;
  readonly #onReady: () => void;
  readonly #store: ReportStore | null;
  readonly #entries = new ChurnMap<string, Entry>();
  #unsent: Entry[] = [];
  /** Entries that were on their way when a connection broke. */
  #suspectCount = 0;
  #cancelTimer: (() => void) | null = null;

  /**
   * @param onReady something can be sent that could not be a moment ago
   * @param store is told of each report that comes and of each that is settled; null: reports live in memory alone
   */
  constructor(clock: Clock, onReady: () => void, store: ReportStore | null = null) {
    this.#clock = clock;
    this.#onReady = onReady;
    this.#store = store;
  }

  get size(): number {
    return this.#entries.size;
  }

  get hasUnsent(): boolean {
    return this.#unsent.length > 0;
  }

  has(key: string): boolean {
    return this.#entries.has(key);
  }

  reports(): Report[] {
    return [...this.#entries.values()].map((entry) => entry.report);
  }

  /** @param key of its delivery */
  put(report: Report, key = deliveryKey(report.message)): void {
    this.restore(report, key);
    this.#store?.put(report);
  }

  /** Puts a report that the store had when this process began. */
  restore(report: Report, key = deliveryKey(report.message)): void {
    const entry: Entry = { key, report, bytes: sizeOf(report), cuts: 0, state: 'unsent', dueAt: 0 };
    this.#entries.set(key, entry);
    this.#unsent.push(entry);
    this.#onReady();
  }

  /**
   * The next reports to send, oldest first; they count as sent.
   * @param mayExceed the first may be larger than `maxBytes`, so that a large one goes alone
   */
  take(maxCount: number, maxBytes: number, mayExceed: boolean): Report[] {
    if (this.#suspectCount > 0) [maxCount, mayExceed] = this.#takeCarefully(maxCount, mayExceed);
    let taken = 0;
    let bytes = 0;
    while (taken < maxCount && taken < this.#unsent.length) {
      const entry = this.#unsent[taken]!;
      bytes += entry.bytes;
      if (bytes > maxBytes && !(taken === 0 && mayExceed)) break;
      entry.state = 'sent';
      taken += 1;
    }
    return this.#unsent.splice(0, taken).map((entry) => entry.report);
  }

  /**
   * A suspect goes alone, so that it is known whether it breaks the connection. After `rewind` suspects are the last.
   */
  #takeCarefully(maxCount: number, mayExceed: boolean): [count: number, mayExceed: boolean] {
    const sent = [...this.#entries.values()].filter((entry) => entry.state === 'sent');
    if (sent.some((entry) => entry.cuts > 0)) return [0, mayExceed];
    const place = this.#unsent.findIndex((entry) => entry.cuts > 0);
    if (place !== 0) return [place < 0 ? maxCount : Math.min(maxCount, place), mayExceed];
    return [sent.length > 0 ? 0 : 1, mayExceed];
  }

  /**
   * The connection broke and the server said nothing of why. Reports that were on their way go alone from now on; a
   * result that breaks every connection is replaced by a failure, and the task's policy decides.
   */
  cut(reason: string): void {
    const sent = [...this.#entries.values()].filter((entry) => entry.state === 'sent');
    for (const entry of sent) {
      if (entry.cuts === 0) this.#suspectCount += 1;
      entry.cuts = sent.length === 1 ? entry.cuts + 1 : Math.max(entry.cuts, 1);
      if (entry.cuts < MAX_CUTS || entry.report.kind !== 'succeeded') continue;
      entry.report = undeliverable(entry.report.message, entry.cuts, reason);
      entry.bytes = sizeOf(entry.report);
      this.#store?.put(entry.report);
    }
  }

  /** Applies what the server says became of a report. True: the report is done with. */
  settle(outcome: Outcome): boolean {
    const key = deliveryKey(outcome);
    const entry = this.#entries.get(key);
    if (!entry) return false;
    if (outcome.code !== OutcomeCode.RETRY_LATER) {
      this.#forget(entry);
      if (this.#suspectCount > 0 && this.hasUnsent) this.#onReady();
      return true;
    }
    if (entry.state === 'sent') {
      entry.state = 'deferred';
      entry.dueAt = this.#clock.monotonic() + Math.max(MIN_RETRY_MS, outcome.afterMs);
      this.#arm();
      if (this.#suspectCount > 0 && this.hasUnsent) this.#onReady();
    }
    return false;
  }

  /** Forgets a report: acknowledged, or of a delivery that is closed. */
  drop(key: string): void {
    const entry = this.#entries.get(key);
    if (entry) this.#forget(entry);
  }

  #forget(entry: Entry): void {
    this.#entries.delete(entry.key);
    if (entry.cuts > 0) this.#suspectCount -= 1;
    this.#store?.drop(entry.key);
    if (entry.state === 'unsent') this.#unsent = this.#unsent.filter((other) => other !== entry);
  }

  /** A new stream: what was sent on the old one and not acknowledged goes again, in the old order. */
  rewind(): void {
    this.#disarm();
    this.#unsent = [...this.#entries.values()];
    for (const entry of this.#unsent) entry.state = 'unsent';
    if (this.#suspectCount > 0) this.#unsent.sort((a, b) => Math.sign(a.cuts) - Math.sign(b.cuts));
    if (this.hasUnsent) this.#onReady();
  }

  /** Forgets all reports in memory; the store has them for the next process. */
  clear(): void {
    this.#disarm();
    this.#entries.clear();
    this.#suspectCount = 0;
    this.#unsent = [];
  }

  #arm(): void {
    if (this.#cancelTimer) return;
    const now = this.#clock.monotonic();
    let dueAt = Number.POSITIVE_INFINITY;
    for (const entry of this.#entries.values()) if (entry.state === 'deferred') dueAt = Math.min(dueAt, entry.dueAt);
    if (dueAt === Number.POSITIVE_INFINITY) return;
    this.#cancelTimer = this.#clock.after(Math.max(0, dueAt - now), () => this.#undefer());
  }

  #disarm(): void {
    this.#cancelTimer?.();
    this.#cancelTimer = null;
  }

  #undefer(): void {
    this.#cancelTimer = null;
    // One grain of the clock, so that a timer that fires a hair early does not come back for it.
    const now = this.#clock.monotonic() + 1;
    for (const entry of this.#entries.values()) {
      if (entry.state !== 'deferred' || entry.dueAt > now) continue;
      entry.state = 'unsent';
      this.#unsent.push(entry);
    }
    this.#arm();
    if (this.hasUnsent) this.#onReady();
  }
}

function undeliverable({ taskId, delivery, result }: Succeeded, cuts: number, reason: string): Report {
  const what = `the connection broke ${cuts} times while the result was sent (${result.byteLength} bytes), at last`;
  const message = `${what}: ${reason}; is there a limit on the way, as of a proxy?`;
  const error = { code: 'UNDELIVERABLE', message: cutText(message, MAX_MESSAGE_BYTES) };
  return { kind: 'failed', message: create(FailedSchema, { taskId, delivery, error }) };
}

function sizeOf(report: Report): number {
  switch (report.kind) {
    case 'succeeded':
      return REPORT_OVERHEAD_BYTES + report.message.result.byteLength + report.message.contentType.length;
    case 'failed':
      // UTF-8 takes at most three bytes for one UTF-16 unit.
      return REPORT_OVERHEAD_BYTES + 3 * ((report.message.error?.message.length ?? 0) + 64);
    default:
      return REPORT_OVERHEAD_BYTES;
  }
}
