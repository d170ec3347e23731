import type { MessageInitShape } from '@bufbuild/protobuf';
import type { ClientDuplexStream } from '@grpc/grpc-js';
import type {
  Checkpoint,
  Progress,
  SendStatusRequest,
  SendStatusRequestSchema,
  SendStatusResponse,
  TaskLog,
} from '../gen/contact/v1/contact_pb.ts';
import type { Delivery } from '../gen/contact/v1/task_pb.ts';
import { ChurnSet } from '../shared/churn.ts';
import type { Clock } from '../shared/clock.ts';
import { drained } from '../shared/streams.ts';
import type { WorkerDelivery } from './delivery.ts';
import type { Outbox } from './outbox.ts';
import { Pacer } from './pacer.ts';
import type { DeliveryLog } from './tasklog.ts';

export type StatusCall = ClientDuplexStream<MessageInitShape<typeof SendStatusRequestSchema>, SendStatusResponse>;

/** A delivery whose handler was entered. */
export interface StartedTask {
  readonly taskId: string;
  readonly delivery: number;
  readonly hasSucceeded: boolean;
}

export interface UplinkOptions {
  readonly call: StatusCall;
  readonly outbox: Outbox;
  readonly clock: Clock;
  /** Milliseconds between two reports of the progress of one task, and between two status texts. */
  readonly progressIntervalMs: number;
}

/** How many items each repeated field of a message may have. */
const MAX_ITEMS = 1_000;
const DELIVERY_BYTES = 48;
const PROGRESS_OVERHEAD_BYTES = 64;

/**
 * The way up of one session: what there is to say is gathered and leaves as one message per turn of the event loop,
 * as fast as the server reads. Progress and checkpoints are the newest of each running task, so the bounds are those
 * of the workload and the outbox, and for what handlers say those of the logs.
 */
export class Uplink {
  readonly #call: StatusCall;
  readonly #outbox: Outbox;
  #maxMessageBytes = 0;
  #receipt = 0;
  #credit: number | undefined;
  readonly #started = new ChurnSet<StartedTask>();
  readonly #progressed: Pacer<WorkerDelivery>;
  readonly #texted: Pacer<Uplink>;
  #text = '';
  readonly #checkpointed = new ChurnSet<WorkerDelivery>();
  readonly #logged: Pacer<DeliveryLog>;
  /** Logs of deliveries that have ended. */
  readonly #lastWords = new ChurnSet<DeliveryLog>();
  #state: 'closed' | 'idle' | 'scheduled' | 'draining' = 'closed';

  constructor({ call, outbox, clock, progressIntervalMs }: UplinkOptions) {
    this.#call = call;
    this.#outbox = outbox;
    this.#progressed = new Pacer(clock, progressIntervalMs, () => this.wake());
    this.#logged = new Pacer(clock, progressIntervalMs, () => this.wake());
    this.#texted = new Pacer(clock, progressIntervalMs, () => this.wake());
  }

  /** Begins to send: the server has registered the session, and takes messages of at most so many bytes. */
  open(maxMessageBytes: number): void {
    this.#maxMessageBytes = maxMessageBytes;
    this.#state = 'idle';
    this.wake();
  }

  close(): void {
    this.#state = 'closed';
    this.#progressed.close();
    this.#texted.close();
    this.#logged.close();
  }

  /** Tells the server that every message up to this one was seen. */
  receipt(seq: number): void {
    this.#receipt = seq;
    this.wake();
  }

  /** Tells the server how many unfinished tasks this session may hold. */
  credit(credit: number): void {
    this.#credit = credit;
    this.wake();
  }

  /** Tells the server that a task's handler is about to be entered. */
  started(task: StartedTask): void {
    this.#started.add(task);
    this.wake();
  }

  /** Tells watchers the newest progress of a task, at the pace of `progressIntervalMs`. */
  progressed(task: WorkerDelivery): void {
    this.#progressed.offer(task);
  }

  /** Tells what a handler has said, at the pace of progress; once it has ended, before its report. */
  logged(log: DeliveryLog): void {
    if (!log.hasEnded) {
      this.#logged.offer(log);
      return;
    }
    this.#lastWords.add(log);
    this.wake();
  }

  /** Tells operators what this worker is doing, in free text. */
  status(text: string): void {
    this.#text = text;
    this.#texted.offer(this);
  }

  /** Hands the newest checkpoint of a task to the server. */
  checkpointed(task: WorkerDelivery): void {
    this.#checkpointed.add(task);
    this.wake();
  }

  /** Sends, at the end of this turn, whatever there is to say. */
  wake(): void {
    if (this.#state !== 'idle') return;
    this.#state = 'scheduled';
    setImmediate(() => this.#flush());
  }

  #flush(): void {
    if (this.#state !== 'scheduled') return;
    this.#state = 'idle';
    const message = this.#compose();
    if (!message) return;
    if (this.#call.write(message)) {
      if (this.#hasMore()) this.wake();
      return;
    }
    this.#state = 'draining';
    void drained(this.#call).then((isAlive) => {
      if (this.#state !== 'draining') return;
      this.#state = isAlive ? 'idle' : 'closed';
      if (this.#hasMore()) this.wake();
    });
  }

  #hasMore(): boolean {
    return (
      this.#receipt > 0 ||
      this.#credit !== undefined ||
      this.#started.size > 0 ||
      this.#progressed.hasDue ||
      this.#texted.hasDue ||
      this.#checkpointed.size > 0 ||
      this.#lastWords.size > 0 ||
      this.#logged.hasDue ||
      this.#outbox.hasUnsent
    );
  }

  /** The next message; null: there is nothing to say. */
  #compose(): SendStatusRequest | null {
    if (!this.#hasMore()) return null;
    const message: SendStatusRequest = {
      $typeName: 'contact.v1.SendStatusRequest',
      receipt: this.#receipt,
      started: this.#takeStarted(),
      progress: [],
      checkpoints: [],
      succeeded: [],
      failed: [],
      released: [],
      stopped: [],
      untouched: [],
      logs: [],
    };
    this.#receipt = 0;
    if (this.#credit !== undefined) message.credit = this.#credit;
    this.#credit = undefined;
    if (this.#texted.hasDue) {
      message.status = this.#text;
      this.#texted.went(this);
    }
    let leftBytes = this.#maxMessageBytes - message.started.length * DELIVERY_BYTES;
    leftBytes -= this.#fillCheckpoints(message.checkpoints, leftBytes);
    leftBytes -= this.#fillLogs(message.logs, this.#lastWords, leftBytes);
    // A checkpoint must not come after the failure of its attempt, nor a start or a line after the end.
    const isNext = this.#checkpointed.size + this.#started.size + this.#lastWords.size === 0;
    if (isNext) leftBytes -= this.#fillReports(message, leftBytes);
    leftBytes -= this.#fillProgress(message.progress, leftBytes);
    this.#fillLogs(message.logs, this.#logged.due(), leftBytes);
    return isSilent(message) ? null : message;
  }

  /**
   * Starts to report. A task that has succeeded meanwhile needs none: its result says so, and saves the server a
   * message.
   */
  #takeStarted(): Delivery[] {
    const started: Delivery[] = [];
    const taken: StartedTask[] = [];
    for (const task of this.#started) {
      if (started.length === MAX_ITEMS) break;
      taken.push(task);
      const { hasSucceeded, taskId, delivery } = task;
      if (!hasSucceeded) started.push({ $typeName: 'contact.v1.Delivery', taskId, delivery });
    }
    if (taken.length === this.#started.size) this.#started.clear();
    else for (const task of taken) this.#started.delete(task);
    return started;
  }

  #fillCheckpoints(checkpoints: Checkpoint[], maxBytes: number): number {
    let bytes = 0;
    for (const task of this.#checkpointed) {
      const data = task.newCheckpoint;
      const size = DELIVERY_BYTES + (data?.byteLength ?? 0);
      if (checkpoints.length === MAX_ITEMS || (bytes + size > maxBytes && checkpoints.length > 0)) break;
      this.#checkpointed.delete(task);
      if (!data || task.hasSucceeded) continue;
      const { taskId, delivery } = task;
      checkpoints.push({ $typeName: 'contact.v1.Checkpoint', taskId, delivery, data });
      bytes += size;
    }
    return bytes;
  }

  #fillReports(message: SendStatusRequest, maxBytes: number): number {
    const isAlone = message.checkpoints.length === 0;
    let bytes = 0;
    for (const report of this.#outbox.take(MAX_ITEMS, maxBytes, isAlone)) {
      if (report.kind === 'succeeded') {
        message.succeeded.push(report.message);
        bytes += report.message.result.byteLength + DELIVERY_BYTES;
      } else if (report.kind === 'failed') {
        message.failed.push(report.message);
        bytes += (report.message.error?.message.length ?? 0) * 3 + DELIVERY_BYTES;
      } else {
        message[report.kind].push(report.message);
        bytes += DELIVERY_BYTES;
      }
    }
    return bytes;
  }

  /** Lines that were not sent yet, of these logs as far as there is room. */
  #fillLogs(logs: TaskLog[], from: Iterable<DeliveryLog>, maxBytes: number): number {
    let bytes = 0;
    for (const log of from) {
      const { taskId, delivery } = log;
      const taken = log.take(MAX_ITEMS - logs.length, maxBytes - bytes);
      bytes += taken.bytes;
      for (const line of taken.lines) logs.push({ $typeName: 'contact.v1.TaskLog', taskId, delivery, line });
      if (log.hasUnsent) break;
      this.#lastWords.delete(log);
      this.#logged.went(log);
    }
    return bytes;
  }

  #fillProgress(progress: Progress[], maxBytes: number): number {
    let bytes = 0;
    for (const task of this.#progressed.due()) {
      if (progress.length === MAX_ITEMS || bytes > maxBytes) break;
      this.#progressed.went(task);
      const news = task.newProgress;
      if (!news || task.state !== 'running') continue;
      const { taskId, delivery } = task;
      progress.push({ $typeName: 'contact.v1.Progress', taskId, delivery, ...news });
      bytes += PROGRESS_OVERHEAD_BYTES + news.message.length * 3;
    }
    return bytes;
  }
}

function isSilent(message: SendStatusRequest): boolean {
  return (
    message.receipt === 0 &&
    message.credit === undefined &&
    message.status === undefined &&
    message.started.length === 0 &&
    message.progress.length === 0 &&
    message.checkpoints.length === 0 &&
    message.succeeded.length === 0 &&
    message.failed.length === 0 &&
    message.released.length === 0 &&
    message.stopped.length === 0 &&
    message.untouched.length === 0 &&
    message.logs.length === 0
  );
}
