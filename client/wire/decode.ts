import type {
  Assignment,
  GetTaskResponse,
  Outcome,
  OutcomeCode,
  SendStatusResponse,
} from '../../gen/contact/v1/contact_pb.ts';
import { delimited, NO_BYTES, NO_METADATA, Reader, varint } from '../../shared/wire/reader.ts';

// Decoders of what a worker is told of every task; undefined: there is something else in it.

// What the message before said: queues and content types repeat.
let lastQueue = '';
let lastType = '';

export function decodeGetTaskResponse(bytes: Uint8Array): GetTaskResponse | undefined {
  const reader = new Reader(bytes);
  let seq = 0;
  let tasks: Assignment[] | undefined;
  const read = (): Assignment[] => readTasks(reader);
  while (reader.hasMore) {
    switch (reader.number()) {
      case varint(1):
        seq = reader.number();
        break;
      case delimited(3):
        // Twice would be merged.
        if (tasks) return undefined;
        tasks = reader.inner(read);
        break;
      default:
        return undefined;
    }
  }
  if (reader.isOdd || !tasks) return undefined;
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
