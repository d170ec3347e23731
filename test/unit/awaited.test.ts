import assert from 'node:assert/strict';
import { create } from '@bufbuild/protobuf';
import { NewTaskSchema } from '../../gen/index.ts';
import { type AwaitedOptions, createAwaiting } from '../../server/api/awaited.ts';
import { newTaskId } from '../../shared/ids.ts';

const MAX_IN_ALL = 5;

describe('createAwaiting()', () => {
  const tasksOf = (count: number) => Array.from({ length: count }, () => create(NewTaskSchema, { id: newTaskId() }));

  function createScene(maxInAll = MAX_IN_ALL) {
    let listening = 0;
    let reached = 0;
    const onReached = () => {
      reached += 1;
    };
    const onSettled = () => {
      listening += 1;
      return () => {
        listening -= 1;
      };
    };
    const openAwaited = createAwaiting({ onSettled }, { describeTask: async () => undefined }, { maxInAll, onReached });
    const ignored: Omit<AwaitedOptions, 'holders'> = {
      tell: () => true,
      onIdle: () => undefined,
      onError: () => assert.fail(),
    };
    const open = (...holders: string[]) => openAwaited({ holders, ...ignored });
    return { open, count: () => listening, reached: () => reached };
  }

  it('bounds what all streams await together, and gives places back when one refuses, abandons or ends', () => {
    const { open, count } = createScene();
    const [first, second] = [open(), open()];
    const tasks = tasksOf(3);
    const waits = first.admit(tasks);
    waits.open();
    const refusal = {
      code: 'RESOURCE_EXHAUSTED',
      message: /^await_results: all streams together/,
      retryAfterMs: 1_000,
    };
    assert.throws(() => second.admit(tasksOf(3)), refusal);
    second.admit(tasksOf(2)).drop();
    first.abandon([tasks[0]!.id]);
    const other = second.admit(tasksOf(3));
    assert.throws(() => first.admit(tasksOf(1)), refusal);
    second.close();
    // An answer that comes after the end of its stream.
    other.drop();
    assert.deepEqual([first.count, second.count, count()], [2, 0, 2]);
    first.admit(tasksOf(3));
    first.close();
    assert.equal(count(), 0);
  });

  it('gives a principal half of them, over all its streams, and takes them back', () => {
    const { open, reached } = createScene(12);
    const [first, second, other] = [open('token:a'), open('token:a'), open('token:b')];
    const waits = first.admit(tasksOf(4));
    assert.throws(() => second.admit(tasksOf(3)), {
      code: 'RESOURCE_EXHAUSTED',
      message: 'await_results: the streams of token:a await more than 6 results',
      retryAfterMs: 1_000,
    });
    other.admit(tasksOf(5));
    waits.drop();
    second.admit(tasksOf(6));
    assert.throws(() => first.admit(tasksOf(1)), /await more than 6/);
    second.close();
    first.admit(tasksOf(6));
    assert.equal(reached(), 2);
  });
});
