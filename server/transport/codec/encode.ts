import { Buffer } from 'node:buffer';
import type { Assignment, GetTaskResponse, Outcome, SendStatusResponse } from '../../../gen/index.ts';
import { sizeOfDelimited, sizeOfField, sizeOfNumber, Writer, zigzag } from '../../../shared/wire/writer.ts';

// Encoders of the messages that every task and every idle client causes, byte for byte as protobuf-es has them;
// undefined: there is something in it that they do not know.

const TASKS = 3;
const PING = 7;

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

/** Twice of each task, so that nothing has to be kept between. */
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

/** In UTF-8, of a text that is mostly the same as before. */
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

export function encodeSendStatusResponse({ outcomes }: SendStatusResponse): Buffer {
  let size = 0;
  for (const outcome of outcomes) {
    const inner = sizeOfOutcome(outcome);
    size += 1 + sizeOfNumber(inner) + inner;
  }
  const writer = new Writer(size);
  for (const outcome of outcomes) {
    writer.inner(1, sizeOfOutcome(outcome));
    writer.text(1, outcome.taskId, outcome.taskId.length);
    writer.number(2, outcome.delivery);
    writer.number(3, outcome.code);
    writer.number(4, outcome.afterMs);
  }
  return writer.buffer;
}

/** Ids of tasks are ASCII: what is not was refused when it came. */
function sizeOfOutcome({ taskId, delivery, code, afterMs }: Outcome): number {
  return sizeOfDelimited(taskId.length) + sizeOfField(delivery) + sizeOfField(code) + sizeOfField(afterMs);
}
