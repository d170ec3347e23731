import type { Delivery, NewTask, SendStatusRequest, StreamEnqueueRequest, Succeeded } from '../../../gen/index.ts';
import { delimited, NO_BYTES, NO_METADATA, Reader, varint } from '../../../shared/wire/reader.ts';
import { MAX_DECODED } from './counts.ts';

// Decoders of the two messages that every task comes with, for what almost all of them have; undefined: there is
// something else in it.

const UNSET = Object.freeze({ case: undefined });
/** Of a repeated field. Nobody adds to what was received. */
const NO_ITEMS: never[] = [];
Object.freeze(NO_ITEMS);

// What the message before said: queues and content types repeat.
let lastQueue = '';
let lastType = '';

export function decodeStreamEnqueue(bytes: Uint8Array): StreamEnqueueRequest | undefined {
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

export function decodeSendStatus(bytes: Uint8Array): SendStatusRequest | undefined {
  const reader = new Reader(bytes);
  let receipt = 0;
  const started: Delivery[] = [];
  const succeeded: Succeeded[] = [];
  const readEnd = (): Succeeded => readSucceeded(reader);
  const readStart = (): Delivery => readDelivery(reader);
  while (reader.hasMore) {
    if (started.length > MAX_DECODED || succeeded.length > MAX_DECODED) return undefined;
    switch (reader.number()) {
      case varint(1):
        receipt = reader.number();
        break;
      case delimited(2):
        started.push(reader.inner(readStart));
        break;
      case delimited(5):
        succeeded.push(reader.inner(readEnd));
        break;
      default:
        return undefined;
    }
  }
  if (reader.isOdd) return undefined;
  return {
    $typeName: 'contact.v1.SendStatusRequest',
    receipt,
    started,
    progress: NO_ITEMS,
    checkpoints: NO_ITEMS,
    succeeded,
    failed: NO_ITEMS,
    released: NO_ITEMS,
    stopped: NO_ITEMS,
    untouched: NO_ITEMS,
  };
}

function readDelivery(reader: Reader): Delivery {
  let taskId = '';
  let delivery = 0;
  while (reader.hasMore) {
    switch (reader.number()) {
      case delimited(1):
        taskId = reader.text();
        break;
      case varint(2):
        delivery = reader.number();
        break;
      default:
        reader.refuse();
    }
  }
  return { $typeName: 'contact.v1.Delivery', taskId, delivery };
}

function readSucceeded(reader: Reader): Succeeded {
  let taskId = '';
  let delivery = 0;
  let result = NO_BYTES;
  let contentType = '';
  while (reader.hasMore) {
    switch (reader.number()) {
      case delimited(1):
        taskId = reader.text();
        break;
      case varint(2):
        delivery = reader.number();
        break;
      case delimited(3):
        result = reader.bytes();
        break;
      case delimited(4):
        contentType = reader.textLike(lastType);
        lastType = contentType;
        break;
      default:
        reader.refuse();
    }
  }
  return { $typeName: 'contact.v1.Succeeded', taskId, delivery, result, contentType };
}
