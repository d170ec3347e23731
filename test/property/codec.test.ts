import assert from 'node:assert/strict';
import { create, type DescMessage, fromBinary, type Message, toBinary } from '@bufbuild/protobuf';
import fc from 'fast-check';
import {
  GetTaskResponseSchema,
  type OutcomeCode,
  OutcomeSchema,
  SendStatusRequestSchema,
  SendStatusResponseSchema,
  StreamEnqueueRequestSchema,
} from '../../gen/index.ts';
import { decodeStreamEnqueueRequest, encodeStreamEnqueueRequest } from '../../wire/enqueue.ts';
import { decodeSendStatusResponse, encodeSendStatusResponse } from '../../wire/outcomes.ts';
import { decodeGetTaskResponse, encodeGetTaskResponse } from '../../wire/push.ts';
import { decodeSendStatusRequest, encodeSendStatusRequest } from '../../wire/status.ts';
import { isFull } from '../scene/full.ts';

/** A thorough run takes fifty times as many. */
const numRuns = 300 * (isFull ? 50 : 1);

const id = fc.uuid({ version: 7 });
const text = fc.oneof(fc.constantFrom('', 'q', 'application/json', 'x'.repeat(200)), fc.string({ unit: 'binary' }));
const ascii = fc.oneof(
  fc.constantFrom('', 'q', 'application/json', 'x'.repeat(200)),
  fc.string({ unit: 'binary-ascii' }),
);
const bytes = fc.uint8Array({ maxLength: 200 });
const count = fc.oneof(fc.nat({ max: 3 }), fc.nat({ max: 0xffff_ffff }));
const small = fc.oneof(fc.nat({ max: 3 }), fc.nat({ max: 2 ** 28 - 1 }));
const priority = fc.oneof(fc.constant(0), fc.integer({ min: -(2 ** 31), max: 2 ** 31 - 1 }));
const metadata = fc.oneof({ weight: 4, arbitrary: fc.constant({}) }, fc.dictionary(fc.string(), fc.string()));

const plainTask = { id: ascii, queue: ascii, payload: bytes, contentType: ascii, maxAttempts: small, timeoutMs: small };
const oddTask = fc.record(
  {
    ...{ id: text, queue: text, payload: bytes, contentType: text, metadata, priority, idempotencyKey: text },
    ...{ maxAttempts: count, timeoutMs: count, backoff: fc.record({ baseMs: count, capMs: count }) },
    start: fc.record({ case: fc.constant('delayMs'), value: count }),
    expiry: fc.record({ case: fc.constant('expiresAfterMs'), value: count }),
    target: fc.record({ case: fc.constantFrom('clientId', 'selector'), value: text }),
  },
  { requiredKeys: ['id', 'queue', 'payload'] },
);
const plainStatus = fc.record({
  receipt: small,
  started: fc.array(fc.record({ taskId: ascii, delivery: small })),
  succeeded: fc.array(fc.record({ taskId: ascii, delivery: small, result: bytes, contentType: ascii })),
});
const oddStatus = fc.record(
  {
    receipt: count,
    started: fc.array(fc.record({ taskId: text, delivery: count })),
    succeeded: fc.array(fc.record({ taskId: text, delivery: count, result: bytes, contentType: text })),
    released: fc.array(fc.record({ taskId: text, delivery: count })),
    credit: count,
    status: text,
  },
  { requiredKeys: ['succeeded'] },
);

/** An event of tasks, as an initializer. */
const tasksOf = (task: fc.Arbitrary<object>, seq: fc.Arbitrary<number>): fc.Arbitrary<object> =>
  fc.record({
    seq,
    event: fc.record({ case: fc.constant('tasks'), value: fc.record({ tasks: fc.array(task) }) }),
  });
const plainAssignment = fc.record({
  ...{ taskId: ascii, delivery: small, attempt: small, queue: ascii, payload: bytes, contentType: ascii },
  ...{ timeoutMs: small, maxAttempts: small, checkpoint: bytes, priority: fc.integer({ min: -32_768, max: 32_767 }) },
});
const oddAssignment = fc.record({
  ...{ taskId: text, delivery: count, attempt: count, queue: text, payload: bytes, contentType: text },
  ...{ metadata, timeoutMs: count, maxAttempts: count, checkpoint: bytes, priority },
});
const oddEvent = fc.oneof(
  tasksOf(oddAssignment, count),
  fc.record({ seq: count, event: fc.record({ case: fc.constantFrom('ping', 'drain'), value: fc.constant({}) }) }),
);
const outcomesOf = (name: fc.Arbitrary<string>, number: fc.Arbitrary<number>): fc.Arbitrary<object> =>
  fc.record({
    outcomes: fc.array(
      fc.record({ taskId: name, delivery: number, code: number.map((n) => n % 2 ** 31), afterMs: number }),
    ),
  });

const libraryOf = (schema: DescMessage, frame: Uint8Array) => {
  try {
    return fromBinary(schema, frame);
  } catch {
    return 'refused';
  }
};

/** A frame as it comes, with other bytes around it. */
function frameOf(message: Uint8Array): Buffer {
  return Buffer.concat([Buffer.alloc(7, 0xff), message, Buffer.alloc(9, 0x0a)]).subarray(7, 7 + message.byteLength);
}

const CASES = [
  {
    name: 'StreamEnqueueRequest',
    schema: StreamEnqueueRequestSchema,
    decode: decodeStreamEnqueueRequest as (frame: Uint8Array) => Message | undefined,
    plain: fc.record({ tasks: fc.array(fc.record(plainTask)), awaitResults: fc.boolean() }),
    odd: fc.record({ tasks: fc.array(oddTask), awaitResults: fc.boolean(), abandoned: fc.array(text) }),
  },
  {
    name: 'SendStatusRequest',
    schema: SendStatusRequestSchema,
    decode: decodeSendStatusRequest as (frame: Uint8Array) => Message | undefined,
    plain: plainStatus,
    odd: oddStatus,
  },
  {
    name: 'GetTaskResponse',
    schema: GetTaskResponseSchema,
    decode: decodeGetTaskResponse as (frame: Uint8Array) => Message | undefined,
    plain: tasksOf(plainAssignment, small),
    odd: oddEvent,
  },
  {
    name: 'SendStatusResponse',
    schema: SendStatusResponseSchema,
    decode: decodeSendStatusResponse as (frame: Uint8Array) => Message | undefined,
    plain: outcomesOf(ascii, small),
    odd: outcomesOf(text, count),
  },
];

for (const { name, schema, decode, plain, odd } of CASES) {
  const toFrame = (init: unknown): Buffer => frameOf(toBinary(schema, create(schema, init as never)));

  describe(`the decoder of ${name}`, () => {
    it('knows what almost all have', () => {
      fc.assert(
        fc.property(plain, (init) => {
          const frame = toFrame(init);
          assert.deepEqual(decode(frame), libraryOf(schema, frame));
        }),
        { numRuns },
      );
    });

    it('gives what protobuf-es gives, or leaves it to it', () => {
      fc.assert(
        fc.property(odd, (init) => {
          const frame = toFrame(init);
          const found = decode(frame);
          if (found) assert.deepEqual(found, libraryOf(schema, frame));
        }),
        { numRuns },
      );
    });

    it('believes no frame that protobuf-es refuses', () => {
      const change = fc.record({ at: fc.nat(), to: fc.nat({ max: 255 }), cut: fc.nat({ max: 4 }) });
      fc.assert(
        fc.property(fc.oneof(plain, odd), fc.array(change, { maxLength: 4 }), (init, changes) => {
          let frame = toFrame(init);
          for (const { at, to, cut } of changes) {
            if (frame.byteLength > 0) frame[at % frame.byteLength] = to;
            if (cut === 0) frame = frame.subarray(0, at % (frame.byteLength + 1));
          }
          const found = decode(frame);
          if (found) assert.deepEqual(found, libraryOf(schema, frame));
        }),
        { numRuns: 4 * numRuns },
      );
    });
  });
}

describe('the encoders of what a task comes with', () => {
  const isPlain = (task: object): boolean =>
    !['metadata', 'backoff', 'start', 'expiry', 'target'].some((key) => {
      const value = (task as Record<string, object | undefined>)[key];
      return value !== undefined && Object.keys(value).length > 0;
    });

  it('write the bytes that protobuf-es writes: tasks', () => {
    fc.assert(
      fc.property(
        fc.array(fc.oneof({ weight: 8, arbitrary: fc.record(plainTask) }, oddTask)),
        fc.boolean(),
        (tasks, awaitResults) => {
          const message = create(StreamEnqueueRequestSchema, { tasks: tasks as never, awaitResults });
          const found = encodeStreamEnqueueRequest(message);
          if (tasks.every(isPlain)) assert.ok(found);
          if (found) assert.deepEqual(new Uint8Array(found), toBinary(StreamEnqueueRequestSchema, message));
        },
      ),
      { numRuns },
    );
  });

  it('write the bytes that protobuf-es writes: results', () => {
    const named = { taskId: fc.oneof(id, fc.string({ unit: 'binary-ascii', maxLength: 200 })), delivery: count };
    const status = fc.record(
      {
        receipt: count,
        started: fc.array(fc.record(named)),
        succeeded: fc.array(fc.record({ ...named, result: bytes, contentType: text })),
        ...{ failed: fc.array(fc.record(named), { maxLength: 1 }), credit: count, status: text },
      },
      { requiredKeys: ['receipt', 'started', 'succeeded'] },
    );
    fc.assert(
      fc.property(status, (init) => {
        const message = create(SendStatusRequestSchema, init);
        const found = encodeSendStatusRequest(message);
        const isOdd = (init.failed?.length ?? 0) > 0 || init.credit !== undefined || init.status !== undefined;
        assert.equal(found === undefined, isOdd);
        if (found) assert.deepEqual(new Uint8Array(found), toBinary(SendStatusRequestSchema, message));
      }),
      { numRuns },
    );
  });
});

describe('the encoders of what a task causes', () => {
  const assignment = fc.record({
    ...{ taskId: id, delivery: count, attempt: count, queue: ascii, payload: bytes, contentType: text },
    ...{ metadata, timeoutMs: count, maxAttempts: count, checkpoint: bytes, priority },
  });

  it('write the bytes that protobuf-es writes: tasks', () => {
    fc.assert(
      fc.property(count, fc.array(assignment), (seq, tasks) => {
        const message = create(GetTaskResponseSchema, { seq, event: { case: 'tasks', value: { tasks } } });
        const found = encodeGetTaskResponse(message);
        if (tasks.every((task) => Object.keys(task.metadata).length === 0)) assert.ok(found);
        if (found) assert.deepEqual(new Uint8Array(found), toBinary(GetTaskResponseSchema, message));
      }),
      { numRuns },
    );
  });

  it('write the bytes that protobuf-es writes: outcomes', () => {
    const code = fc.nat({ max: 6 }).map((n) => n as OutcomeCode);
    const outcome = fc.record({ taskId: id, delivery: count, code, afterMs: count });
    fc.assert(
      fc.property(fc.array(outcome), (drawn) => {
        const outcomes = drawn.map((each) => create(OutcomeSchema, each));
        const message = create(SendStatusResponseSchema, { outcomes });
        const found = encodeSendStatusResponse(message);
        assert.deepEqual(new Uint8Array(found), toBinary(SendStatusResponseSchema, message));
      }),
      { numRuns },
    );
  });

  it('write the bytes that protobuf-es writes: pings', () => {
    fc.assert(
      fc.property(fc.nat({ max: 2 ** 32 - 1 }), (seq) => {
        const message = create(GetTaskResponseSchema, { seq, event: { case: 'ping', value: {} } });
        assert.deepEqual(encodeGetTaskResponse(message), Buffer.from(toBinary(GetTaskResponseSchema, message)));
      }),
      { numRuns },
    );
  });

  it('leave every other event to protobuf-es', () => {
    for (const event of ['drain', 'moving', 'renew', 'cancel', 'registered'] as const) {
      const message = create(GetTaskResponseSchema, { event: { case: event, value: {} } as never });
      assert.equal(encodeGetTaskResponse(message), undefined);
    }
  });
});
