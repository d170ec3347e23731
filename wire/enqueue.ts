import { Buffer } from 'node:buffer';
import type { NewTask } from '../gen/contact/v1/task_pb.ts';
import type { StreamEnqueueRequest } from '../gen/contact/v1/task_service_pb.ts';
import { delimited, MAX_DECODED, NO_BYTES, NO_ITEMS, NO_METADATA, Reader, varint } from './reader.ts';
import { sizeOfDelimited, sizeOfField, sizeOfNumber, Writer, zigzag } from './writer.ts';

// A batch of tasks, as a producer writes it and a server reads it.

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

const UNSET = Object.freeze({ case: undefined });

// The names that the message before had, which mostly are those of the next one too.
let lastQueue = '';
let lastType = '';

export function decodeStreamEnqueueRequest(bytes: Uint8Array): StreamEnqueueRequest | undefined {
  const reader = new Reader(bytes);
  const tasks: NewTask[] = [];
  const read = (): NewTask => readTask(reader);
  let awaitResults = false;
  while (reader.hasMore) {
    switch (reader.number()) {
      case delimited(1):
        if (tasks.length === MAX_DECODED) return undefined;
        tasks.push(reader.inner(read));
        break;
      case varint(2):
        awaitResults = reader.number() !== 0;
        break;
      default:
        return undefined;
    }
  }
  if (reader.isOdd) return undefined;
  return { $typeName: 'contact.v1.StreamEnqueueRequest', tasks, awaitResults, abandoned: NO_ITEMS };
}

function readTask(reader: Reader): NewTask {
  let id = '';
  let queue = '';
  let payload = NO_BYTES;
  let contentType = '';
  let priority = 0;
  let maxAttempts = 0;
  let timeoutMs = 0;
  let idempotencyKey = '';
  while (reader.hasMore) {
    switch (reader.number()) {
      case delimited(1):
        id = reader.text();
        break;
      case delimited(2):
        queue = reader.textLike(lastQueue);
        lastQueue = queue;
        break;
      case delimited(3):
        payload = reader.bytes();
        break;
      case delimited(4):
        contentType = reader.textLike(lastType);
        lastType = contentType;
        break;
      case varint(6):
        priority = reader.signed();
        break;
      case varint(11):
        maxAttempts = reader.number();
        break;
      case varint(12):
        timeoutMs = reader.number();
        break;
      case delimited(13):
        idempotencyKey = reader.text();
        break;
      default:
        reader.refuse();
    }
  }
  return {
    $typeName: 'contact.v1.NewTask',
    id,
    queue,
    payload,
    contentType,
    metadata: NO_METADATA,
    priority,
    start: UNSET,
    expiry: UNSET,
    maxAttempts,
    timeoutMs,
    idempotencyKey,
    target: UNSET,
  };
}
