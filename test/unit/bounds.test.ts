import assert from 'node:assert/strict';
import { create, type DescMessage, fromBinary, toBinary } from '@bufbuild/protobuf';
import { BinaryWriter, WireType } from '@bufbuild/protobuf/wire';
import fc from 'fast-check';
import {
  AdminService,
  ContactService,
  EnqueueTasksRequestSchema,
  GetTaskRequestSchema,
  ListTasksRequestSchema,
  TaskService,
} from '../../gen/index.ts';
import { compileBounds } from '../../server/transport/counts.ts';
import { type Draw, drawMessage, mutate } from '../scene/drawn.ts';

const MESSAGES: readonly DescMessage[] = [ContactService, TaskService, AdminService].flatMap(({ methods }) =>
  // No request may hold itself, which would have no bound; an answer with reasons beside reasons does, and is not checked.
  methods.flatMap(({ input, output }) => (holdsItself(output) ? [input] : [input, output])),
);
const CHECKS = MESSAGES.map((message) => compileBounds(message));
const delimited = (number: number, inner: Uint8Array): Uint8Array =>
  new BinaryWriter().tag(number, WireType.LengthDelimited).bytes(inner).finish();
const refused = (message: string): { code: string; message: string } => ({ code: 'RESOURCE_EXHAUSTED', message });

describe('bounds of a message', () => {
  it('let everything pass that is within them', () => {
    const property = fc.property(fc.gen(), fc.nat({ max: MESSAGES.length - 1 }), (draw: Draw, at) => {
      const bytes = drawMessage(draw, MESSAGES[at]!, { '': ['', 'word'] });
      CHECKS[at]!(bytes);
      fromBinary(MESSAGES[at]!, bytes);
    });
    fc.assert(property, { numRuns: 500 });
  });

  it('meet malformed bytes with a ContactError or leave them to the decoder', () => {
    const property = fc.property(fc.gen(), fc.nat({ max: MESSAGES.length - 1 }), (draw: Draw, at) => {
      const bytes = mutate(draw, drawMessage(draw, MESSAGES[at]!, { '': ['', 'word'] }));
      try {
        CHECKS[at]!(bytes);
      } catch (error) {
        assert.ok(['RESOURCE_EXHAUSTED', 'INVALID_ARGUMENT'].includes((error as { code: string }).code), String(error));
      }
    });
    fc.assert(property, { numRuns: 500 });
  });

  it('count each item of a repeated message anew, and a field said twice on', () => {
    const check = compileBounds(GetTaskRequestSchema, { 'contact.v1.Resume.holding': 2 });
    const resume = (count: number): Uint8Array =>
      delimited(5, Buffer.concat(Array(count).fill(delimited(2, Buffer.alloc(0)))));
    check(resume(4));
    check(resume(4));
    assert.throws(() => check(resume(5)), refused('resume.holding: at most 2 in one message'));
    assert.throws(
      () => check(Buffer.concat([resume(3), resume(2)])),
      refused('resume.holding: at most 2 in one message'),
    );
    const tasks = compileBounds(EnqueueTasksRequestSchema, { 'contact.v1.NewTask.metadata': 2 });
    const task = (pairs: number): { metadata: Record<string, string> } => ({
      metadata: Object.fromEntries(Array.from({ length: pairs }, (_, n) => [`k${n}`, ''])),
    });
    const write = (...pairs: number[]): Uint8Array =>
      toBinary(EnqueueTasksRequestSchema, create(EnqueueTasksRequestSchema, { tasks: pairs.map(task) }));
    tasks(write(4, 4, 4));
    assert.throws(() => tasks(write(4, 5)), refused('tasks[1].metadata: at most 2 in one message'));
  });

  it('count packed and unpacked numbers alike', () => {
    const check = compileBounds(ListTasksRequestSchema, { 'contact.v1.TaskFilter.states': 3 });
    const packed = (count: number): Uint8Array => delimited(1, delimited(2, Buffer.alloc(count, 1)));
    const single = (count: number): Uint8Array => delimited(1, Buffer.alloc(2 * count, Buffer.from([2 << 3, 1])));
    for (const write of [packed, single]) {
      check(write(6));
      assert.throws(() => check(write(7)), refused('filter.states: at most 3 in one message'));
    }
  });

  it('end for a field whose wire type is not its own, unknown fields without end, and groups', () => {
    const check = compileBounds(EnqueueTasksRequestSchema);
    assert.throws(() => check(Buffer.from('0800', 'hex')), { message: 'tasks: wire type 0 is not its own' });
    assert.throws(() => check(Buffer.from('7b7c', 'hex')), { message: 'request: wire type 3 is not taken' });
    check(Buffer.alloc(2 * 256, Buffer.from('7800', 'hex')));
    assert.throws(
      () => check(Buffer.alloc(2 * 257, Buffer.from('7800', 'hex'))),
      refused('request: at most 256 other fields'),
    );
  });
});

function holdsItself(message: DescMessage, around: readonly string[] = []): boolean {
  if (around.includes(message.typeName)) return true;
  return message.fields.some(({ message: inner }) => inner && holdsItself(inner, [...around, message.typeName]));
}
