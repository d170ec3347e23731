import { type Timestamp, timestampDate } from '@bufbuild/protobuf/wkt';
import type { ResultEvent, TaskError } from '../gen/contact/v1/task_pb.ts';
import { type Codec, json } from './codec.ts';
import type { TaskProblem } from './failure.ts';
import { type SettledState, settledStateOf } from './state.ts';

/** One settled task, as the results log has it. */
export class TaskResult<R = unknown> {
  /** The place just after this result: give it as `from` to go on from here. */
  readonly cursor: string;
  /** UUIDv7 in lower case. */
  readonly taskId: string;
  /** The queue that the task was in. */
  readonly queue: string;
  /** How it was settled. */
  readonly state: SettledState;
  /** The result as it was sent; empty when there is none. See `value()`. */
  readonly bytes: Uint8Array;
  /** Media type of `bytes`; empty when there is no result. */
  readonly contentType: string;
  /** Why the task did not succeed; null: it did, or nobody said. */
  readonly error: TaskProblem | null;
  /** How many attempts were used. */
  readonly attempt: number;
  /** The delivery that settled it; 0: nobody ever had it. */
  readonly delivery: number;
  /** The client that settled the task; empty: no client did. */
  readonly clientId: string;
  /** When it was enqueued, by the clock of the server. */
  readonly createdAt: Date;
  /** When the delivery that settled it was claimed; null: it never was. */
  readonly claimedAt: Date | null;
  /** When it was settled, by the clock of the server. */
  readonly settledAt: Date;
  /** The pairs that the producer gave with the task. */
  readonly metadata: Readonly<Record<string, string>>;
  /** A cancel was asked for, whatever the state became. */
  readonly cancelRequested: boolean;
  /** The broadcast this task is a child of; empty: none. */
  readonly parentId: string;
  readonly #codec: Codec<never, R>;

  constructor(event: ResultEvent, codec: Codec<never, R> = json as Codec<never, R>) {
    this.cursor = event.cursor;
    this.taskId = event.taskId;
    this.queue = event.queue;
    this.state = settledStateOf(event.state);
    // A view would pin the whole message it came in.
    this.bytes = new Uint8Array(event.result);
    this.contentType = event.contentType;
    this.error = event.error ? readProblem(event.error) : null;
    this.attempt = event.attempt;
    this.delivery = event.delivery;
    this.clientId = event.clientId;
    this.createdAt = dateOf(event.createdAt) ?? new Date(0);
    this.claimedAt = dateOf(event.claimedAt);
    this.settledAt = dateOf(event.settledAt) ?? new Date(0);
    this.metadata = event.metadata;
    this.cancelRequested = event.cancelRequested;
    this.parentId = event.parentId;
    this.#codec = codec;
  }

  /** The result, decoded; undefined when the task did not succeed. */
  value(): R | undefined;
  value<T>(codec: Codec<never, T>): T | undefined;
  value<T>(codec?: Codec<never, T>): R | T | undefined {
    return this.state === 'succeeded' ? (codec ?? this.#codec).decode(this.bytes, this.contentType) : undefined;
  }
}

export function readProblem({ code, message, details }: TaskError): TaskProblem {
  // A view would pin the whole message it came in.
  return { code, message, ...(details.length > 0 ? { details: new Uint8Array(details) } : {}) };
}

function dateOf(timestamp: Timestamp | undefined): Date | null {
  return timestamp ? timestampDate(timestamp) : null;
}
