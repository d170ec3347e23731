import { Buffer } from 'node:buffer';
import type { SendStatusRequest, Succeeded } from '../../gen/contact/v1/contact_pb.ts';
import type { Delivery, NewTask } from '../../gen/contact/v1/task_pb.ts';
import type { StreamEnqueueRequest } from '../../gen/contact/v1/task_service_pb.ts';
import { sizeOfDelimited, sizeOfField, sizeOfNumber, Writer, zigzag } from '../../shared/wire/writer.ts';

// Encoders of what producers and workers say with every task, byte for byte as protobuf-es has it; undefined: there is
// something in it that they do not know.

const STARTED = 2;
const SUCCEEDED = 5;

interface SizedTask {
  readonly task: NewTask;
  readonly size: number;
  readonly id: number;
  readonly queue: number;
  readonly contentType: number;
  readonly idempotencyKey: number;
}

export function encodeStreamEnqueueRequest(request: StreamEnqueueRequest): Buffer | undefined {
  const { tasks, awaitResults, abandoned } = request;
  if (abandoned.length > 0) return undefined;
  const sized: SizedTask[] = [];
  let size = sizeOfField(Number(awaitResults));
  for (const task of tasks) {
    if (!isPlain(task)) return undefined;
    const one = sizeOfTask(task);
    sized.push(one);
    size += 1 + sizeOfNumber(one.size) + one.size;
  }
  const writer = new Writer(size);
  for (const one of sized) writeTask(writer, one);
  writer.number(2, Number(awaitResults));
  return writer.buffer;
}

function isPlain({ start, expiry, target, backoff, metadata }: NewTask): boolean {
  for (const _ in metadata) return false;
  const hasNone = start.case === undefined && expiry.case === undefined && target.case === undefined;
  return hasNone && backoff === undefined;
}

function sizeOfTask(task: NewTask): SizedTask {
  const id = Buffer.byteLength(task.id);
  const queue = Buffer.byteLength(task.queue);
  const contentType = Buffer.byteLength(task.contentType);
  const idempotencyKey = Buffer.byteLength(task.idempotencyKey);
  const size =
    sizeOfDelimited(id) +
    sizeOfDelimited(queue) +
    sizeOfDelimited(task.payload.byteLength) +
    sizeOfDelimited(contentType) +
    sizeOfField(zigzag(task.priority)) +
    sizeOfField(task.maxAttempts) +
    sizeOfField(task.timeoutMs) +
    sizeOfDelimited(idempotencyKey);
  return { task, size, id, queue, contentType, idempotencyKey };
}

function writeTask(writer: Writer, { task, size, id, queue, contentType, idempotencyKey }: SizedTask): void {
  writer.inner(1, size);
  writer.text(1, task.id, id);
  writer.text(2, task.queue, queue);
  writer.bytes(3, task.payload);
  writer.text(4, task.contentType, contentType);
  writer.number(6, zigzag(task.priority));
  writer.number(11, task.maxAttempts);
  writer.number(12, task.timeoutMs);
  writer.text(13, task.idempotencyKey, idempotencyKey);
}

export function encodeSendStatusRequest(message: SendStatusRequest): Buffer | undefined {
  if (!hasResultsAlone(message)) return undefined;
  const { receipt, started, succeeded } = message;
  let size = sizeOfField(receipt);
  for (const delivery of started) {
    const inner = sizeOfDelivery(delivery);
    size += 1 + sizeOfNumber(inner) + inner;
  }
  const types: number[] = [];
  const sizes: number[] = [];
  for (const one of succeeded) {
    const type = Buffer.byteLength(one.contentType);
    const inner = sizeOfDelivery(one) + sizeOfDelimited(one.result.byteLength) + sizeOfDelimited(type);
    types.push(type);
    sizes.push(inner);
    size += 1 + sizeOfNumber(inner) + inner;
  }
  const writer = new Writer(size);
  writer.number(1, receipt);
  for (const delivery of started) {
    writer.inner(STARTED, sizeOfDelivery(delivery));
    writeDelivery(writer, delivery);
  }
  succeeded.forEach((one, at) => {
    writer.inner(SUCCEEDED, sizes[at]!);
    writeDelivery(writer, one);
    writer.bytes(3, one.result);
    writer.text(4, one.contentType, types[at]!);
  });
  return writer.buffer;
}

/** And receipts and starts. */
function hasResultsAlone(message: SendStatusRequest): boolean {
  const { progress, checkpoints, failed, released, stopped, untouched, credit, status } = message;
  const reports = failed.length + released.length + stopped.length + untouched.length;
  const others = progress.length + checkpoints.length + reports;
  return others === 0 && credit === undefined && status === undefined;
}

type Named = Pick<Delivery | Succeeded, 'taskId' | 'delivery'>;

/** Ids of tasks come from the server and are ASCII. */
function sizeOfDelivery({ taskId, delivery }: Named): number {
  return sizeOfDelimited(taskId.length) + sizeOfField(delivery);
}

function writeDelivery(writer: Writer, { taskId, delivery }: Named): void {
  writer.text(1, taskId, taskId.length);
  writer.number(2, delivery);
}
