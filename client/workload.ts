import type { Assignment, Limits } from '../gen/contact/v1/contact_pb.ts';
import { ChurnMap } from '../shared/churn.ts';
import { type TaskListener, WorkerDelivery } from './delivery.ts';
import { deliveryKey, type Report } from './outbox.ts';
import { reportEnd } from './task.ts';

export interface WorkloadOptions extends TaskListener {
  /** How many handlers run at once. */
  readonly concurrency: number;
  /** How many of one queue, where that is less. */
  readonly limits?: ReadonlyMap<string, number>;
  /** Enters the handler in this turn; never rejects. */
  readonly run: (task: WorkerDelivery) => Promise<Report>;
  /** A handler is about to begin. */
  readonly started: (task: WorkerDelivery) => void;
  /** A handler gave its task back, and this worker is to take nothing new for so many milliseconds. */
  readonly paused?: (ms: number) => void;
  /** What has to happen between `started` and the call of the handler; undefined: nothing. */
  readonly hold?: (task: WorkerDelivery) => Promise<void> | undefined;
  /** The delivery of this key is reported, and its report not acknowledged. */
  readonly isReported: (key: string) => boolean;
  /** The delivery of this key has left; null: there is nothing to report. */
  readonly reported: (report: Report | null, key: string) => void;
}

/**
 * The deliveries that this worker has and has not reported: waiting here, or running. Bounded by the credit that it
 * asked the server for.
 */
export class Workload {
  readonly #options: WorkloadOptions;
  readonly #heldByKey = new ChurnMap<string, WorkerDelivery>();
  #waiting: WorkerDelivery[] = [];
  #runningCount = 0;
  /** How many handlers run of each queue that has a limit of its own. */
  readonly #runningByQueue = new Map<string, number>();

  constructor(options: WorkloadOptions) {
    this.#options = options;
  }

  get size(): number {
    return this.#heldByKey.size;
  }

  get runningCount(): number {
    return this.#runningCount;
  }

  has(key: string): boolean {
    return this.#heldByKey.has(key);
  }

  held(): WorkerDelivery[] {
    return [...this.#heldByKey.values()];
  }

  running(): WorkerDelivery[] {
    return this.held().filter((task) => task.state === 'running');
  }

  /**
   * Takes deliveries and starts as many as there is room for. A delivery that is here already, or whose report is on
   * its way (the push has crossed it), is not run again.
   */
  accept(assignments: readonly Assignment[], limits: Limits): void {
    for (const assignment of assignments) {
      const key = deliveryKey(assignment);
      if (this.#heldByKey.has(key) || this.#options.isReported(key)) continue;
      const task = new WorkerDelivery(assignment, limits, this.#options, key);
      this.#heldByKey.set(key, task);
      if (this.#runningCount < this.#options.concurrency && this.#hasRoom(task)) this.#start(task);
      else this.#wait(task);
    }
  }

  /** A delivery that waits ends at once; one that runs is asked to end, and reports when it has. */
  cancel(key: string, reason: string): void {
    const task = this.#heldByKey.get(key);
    if (!task) return;
    task.abort('cancel', reason);
    if (task.state === 'queued') this.#endWaiting(task);
  }

  /** Forgets deliveries that are no longer this worker's: whatever their handlers do, nothing is reported. */
  close(keys: Iterable<string>): void {
    for (const key of keys) {
      const task = this.#heldByKey.get(key);
      if (!task) continue;
      this.#heldByKey.delete(key);
      if (task.state === 'queued') task.state = 'ended';
      task.abort('closed', 'the delivery is closed');
    }
    this.#waiting = this.#waiting.filter((task) => task.state === 'queued');
  }

  /** Gives back the deliveries that wait. */
  releaseWaiting(): void {
    for (const task of this.#waiting.slice()) this.#endWaiting(task);
  }

  /** Asks every handler to end; those that throw an error without advice are given back, which burns an attempt. */
  abortRunning(reason: string): void {
    for (const task of this.running()) task.abort('stop', reason);
  }

  /** Gives back what still runs, which burns an attempt, without waiting for its handler any longer. */
  abandonRunning(): void {
    for (const task of this.running()) {
      this.#heldByKey.delete(task.key);
      const report = reportEnd(task);
      task.abort('closed', 'the worker has stopped');
      this.#options.reported(report, task.key);
    }
  }

  #wait(task: WorkerDelivery): void {
    task.keepPayload();
    this.#waiting.push(task);
  }

  #endWaiting(task: WorkerDelivery): void {
    task.state = 'ended';
    this.#heldByKey.delete(task.key);
    this.#waiting = this.#waiting.filter((other) => other !== task);
    this.#options.reported(reportEnd(task), task.key);
  }

  #hasRoom({ queue }: WorkerDelivery): boolean {
    const limit = this.#options.limits?.get(queue);
    return limit === undefined || (this.#runningByQueue.get(queue) ?? 0) < limit;
  }

  #count({ queue }: WorkerDelivery, more: number): void {
    this.#runningCount += more;
    if (this.#options.limits?.has(queue))
      this.#runningByQueue.set(queue, (this.#runningByQueue.get(queue) ?? 0) + more);
  }

  /** Begins with the one that has waited for the longest, of those whose queue has room. */
  #startNext(): void {
    const place = this.#waiting.findIndex((task) => this.#hasRoom(task));
    const [next] = place < 0 ? [] : this.#waiting.splice(place, 1);
    if (next) this.#start(next);
  }

  #start(task: WorkerDelivery): void {
    task.state = 'running';
    this.#count(task, 1);
    this.#options.started(task);
    const held = this.#options.hold?.(task);
    const running = held
      ? held.then(() => (task.abortKind ? reportEnd(task) : this.#options.run(task)))
      : this.#options.run(task);
    // `run` never rejects, so nothing is lost by not waiting here.
    void running.then((report) => this.#end(task, report));
  }

  #end(task: WorkerDelivery, report: Report): void {
    task.state = 'ended';
    task.hasSucceeded = report.kind === 'succeeded';
    this.#count(task, -1);
    this.#heldByKey.delete(task.key);
    if (task.pauseMs > 0) this.#options.paused?.(task.pauseMs);
    this.#startNext();
    this.#options.reported(task.abortKind === 'closed' ? null : report, task.key);
  }
}
