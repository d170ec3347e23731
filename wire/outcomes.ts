import type { Buffer } from 'node:buffer';
import type { Outcome, OutcomeCode, SendStatusResponse } from '../gen/contact/v1/contact_pb.ts';
import { delimited, Reader, varint } from './reader.ts';
import { sizeOfDelimited, sizeOfField, sizeOfNumber, Writer } from './writer.ts';

// What became of results, as a server writes it and a worker reads it.

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

/** The size of an outcome; ids of tasks are ASCII, since others were refused when they came. */
function sizeOfOutcome({ taskId, delivery, code, afterMs }: Outcome): number {
  return sizeOfDelimited(taskId.length) + sizeOfField(delivery) + sizeOfField(code) + sizeOfField(afterMs);
}

export function decodeSendStatusResponse(bytes: Uint8Array): SendStatusResponse | undefined {
  const reader = new Reader(bytes);
  const outcomes: Outcome[] = [];
  const read = (): Outcome => readOutcome(reader);
  while (reader.hasMore) {
    if (reader.number() !== delimited(1)) return undefined;
    outcomes.push(reader.inner(read));
  }
  return reader.isOdd ? undefined : { $typeName: 'contact.v1.SendStatusResponse', outcomes };
}

function readOutcome(reader: Reader): Outcome {
  let taskId = '';
  let delivery = 0;
  let code: OutcomeCode = 0;
  let afterMs = 0;
  while (reader.hasMore) {
    switch (reader.number()) {
      case delimited(1):
        taskId = reader.text();
        break;
      case varint(2):
        delivery = reader.number();
        break;
      case varint(3):
        code = reader.number() as OutcomeCode;
        break;
      case varint(4):
        afterMs = reader.number();
        break;
      default:
        reader.refuse();
    }
  }
  return { $typeName: 'contact.v1.Outcome', taskId, delivery, code, afterMs };
}
