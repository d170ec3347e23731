import { Buffer } from 'node:buffer';
import type { SendStatusRequest, Succeeded } from '../gen/contact/v1/contact_pb.ts';
import type { Delivery } from '../gen/contact/v1/task_pb.ts';
import { delimited, MAX_DECODED, NO_BYTES, NO_ITEMS, Reader, varint } from './reader.ts';
import { sizeOfDelimited, sizeOfField, sizeOfNumber, Writer } from './writer.ts';

// Receipts, starts and results, as a worker writes them and a server reads them.

const STARTED = 2;
const SUCCEEDED = 5;

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

/** Whether a message has nothing but results, receipts and starts. */
function hasResultsAlone(message: SendStatusRequest): boolean {
  const { progress, checkpoints, logs, failed, released, stopped, untouched, credit, status } = message;
  const reports = failed.length + released.length + stopped.length + untouched.length;
  const others = progress.length + checkpoints.length + logs.length + reports;
  return others === 0 && credit === undefined && status === undefined;
}

type Named = Pick<Delivery | Succeeded, 'taskId' | 'delivery'>;

/** The size of a delivery; ids of tasks come from the server and are ASCII. */
function sizeOfDelivery({ taskId, delivery }: Named): number {
  return sizeOfDelimited(taskId.length) + sizeOfField(delivery);
}

function writeDelivery(writer: Writer, { taskId, delivery }: Named): void {
  writer.text(1, taskId, taskId.length);
  writer.number(2, delivery);
}

// The content type that the message before had, which mostly is that of the next one too.
let lastType = '';

export function decodeSendStatusRequest(bytes: Uint8Array): SendStatusRequest | undefined {
  const reader = new Reader(bytes);
  let receipt = 0;
  const started: Delivery[] = [];
  const succeeded: Succeeded[] = [];
  const readEnd = (): Succeeded => readSucceeded(reader);
  const readStart = (): Delivery => readDelivery(reader);
  while (reader.hasMore) {
    switch (reader.number()) {
      case varint(1):
        receipt = reader.number();
        break;
      case delimited(2):
        if (started.length === MAX_DECODED) return undefined;
        started.push(reader.inner(readStart));
        break;
      case delimited(5):
        if (succeeded.length === MAX_DECODED) return undefined;
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
    logs: NO_ITEMS,
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
