import { Buffer } from 'node:buffer';
import type { Assignment, GetTaskResponse, Ping } from '../gen/contact/v1/contact_pb.ts';
import { delimited, NO_BYTES, NO_METADATA, Reader, varint } from './reader.ts';
import { sizeOfDelimited, sizeOfField, sizeOfNumber, Writer, zigzag } from './writer.ts';

// Tasks and pings, as a server writes them and a worker reads them.

const TASKS = 3;
const PING = 7;

/** A ping has no fields, so all pings may share one object. */
const PING_MESSAGE: Ping = Object.freeze({ $typeName: 'contact.v1.Ping' });

const lengthOfQueue = createLengthOf();
const lengthOfType = createLengthOf();

export function encodeGetTaskResponse({ seq, event }: GetTaskResponse): Buffer | undefined {
  if (event.case === 'ping') return encodePing(seq);
  if (event.case !== 'tasks') return undefined;
  const { tasks } = event.value;
  let inner = 0;
  for (const task of tasks) {
    for (const _ in task.metadata) return undefined;
    const size = sizeOf(task);
    inner += 1 + sizeOfNumber(size) + size;
  }
  const writer = new Writer(sizeOfField(seq) + 1 + sizeOfNumber(inner) + inner);
  writer.number(1, seq);
  writer.inner(TASKS, inner);
  for (const task of tasks) writeAssignment(writer, task);
  return writer.buffer;
}

function encodePing(seq: number): Buffer {
  const writer = new Writer(sizeOfField(seq) + 2);
  writer.number(1, seq);
  writer.inner(PING, 0);
  return writer.buffer;
}

/** The size of a task, counted twice for each, so that none has to be remembered in between. */
function sizeOf(task: Assignment): number {
  return (
    sizeOfDelimited(task.taskId.length) +
    sizeOfField(task.delivery) +
    sizeOfField(task.attempt) +
    sizeOfDelimited(lengthOfQueue(task.queue)) +
    sizeOfDelimited(task.payload.byteLength) +
    sizeOfDelimited(lengthOfType(task.contentType)) +
    sizeOfField(task.timeoutMs) +
    sizeOfField(task.maxAttempts) +
    sizeOfDelimited(task.checkpoint.byteLength) +
    sizeOfField(zigzag(task.priority))
  );
}

/** Makes a function that counts the UTF-8 bytes of a text that is mostly the same as before. */
function createLengthOf(): (text: string) => number {
  let last = '';
  let length = 0;
  return (text) => {
    if (text === last) return length;
    last = text;
    length = Buffer.byteLength(text);
    return length;
  };
}

function writeAssignment(writer: Writer, task: Assignment): void {
  writer.inner(1, sizeOf(task));
  writer.text(1, task.taskId, task.taskId.length);
  writer.number(2, task.delivery);
  writer.number(3, task.attempt);
  writer.text(4, task.queue, lengthOfQueue(task.queue));
  writer.bytes(5, task.payload);
  writer.text(6, task.contentType, lengthOfType(task.contentType));
  writer.number(8, task.timeoutMs);
  writer.number(9, task.maxAttempts);
  writer.bytes(10, task.checkpoint);
  writer.number(11, zigzag(task.priority));
}

// The names that the message before had, which mostly are those of the next one too.
let lastQueue = '';
let lastType = '';

export function decodeGetTaskResponse(bytes: Uint8Array): GetTaskResponse | undefined {
  const reader = new Reader(bytes);
  let seq = 0;
  let tasks: Assignment[] | undefined;
  let isPing = false;
  const read = (): Assignment[] => readTasks(reader);
  while (reader.hasMore) {
    switch (reader.number()) {
      case varint(1):
        seq = reader.number();
        break;
      case delimited(3):
        // A message with two events is left to protobuf-es, which takes the last of them or merges both.
        if (tasks || isPing) return undefined;
        tasks = reader.inner(read);
        break;
      case delimited(7):
        if (tasks || isPing || reader.number() !== 0) return undefined;
        isPing = true;
        break;
      default:
        return undefined;
    }
  }
  if (reader.isOdd) return undefined;
  if (isPing) return { $typeName: 'contact.v1.GetTaskResponse', seq, event: { case: 'ping', value: PING_MESSAGE } };
  if (!tasks) return undefined;
  const value = { $typeName: 'contact.v1.Tasks' as const, tasks };
  return { $typeName: 'contact.v1.GetTaskResponse', seq, event: { case: 'tasks', value } };
}

function readTasks(reader: Reader): Assignment[] {
  const tasks: Assignment[] = [];
  const read = (): Assignment => readAssignment(reader);
  while (reader.hasMore) {
    if (reader.number() === delimited(1)) tasks.push(reader.inner(read));
    else reader.refuse();
  }
  return tasks;
}

function readAssignment(reader: Reader): Assignment {
  let taskId = '';
  let delivery = 0;
  let attempt = 0;
  let queue = '';
  let payload = NO_BYTES;
  let contentType = '';
  let timeoutMs = 0;
  let maxAttempts = 0;
  let checkpoint = NO_BYTES;
  let priority = 0;
  while (reader.hasMore) {
    switch (reader.number()) {
      case delimited(1):
        taskId = reader.text();
        break;
      case varint(2):
        delivery = reader.number();
        break;
      case varint(3):
        attempt = reader.number();
        break;
      case delimited(4):
        queue = reader.textLike(lastQueue);
        lastQueue = queue;
        break;
      case delimited(5):
        payload = reader.bytes();
        break;
      case delimited(6):
        contentType = reader.textLike(lastType);
        lastType = contentType;
        break;
      case varint(8):
        timeoutMs = reader.number();
        break;
      case varint(9):
        maxAttempts = reader.number();
        break;
      case delimited(10):
        checkpoint = reader.bytes();
        break;
      case varint(11):
        priority = reader.signed();
        break;
      default:
        reader.refuse();
    }
  }
  return {
    $typeName: 'contact.v1.Assignment',
    taskId,
    delivery,
    attempt,
    queue,
    payload,
    contentType,
    metadata: NO_METADATA,
    timeoutMs,
    maxAttempts,
    checkpoint,
    priority,
  };
}
