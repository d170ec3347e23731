import assert from 'node:assert/strict';
import { create } from '@bufbuild/protobuf';
import { CallTaskRequestSchema, ResultStart, TaskState, WatchResultsRequestSchema } from '../../gen/index.ts';
import { type Context, whyGone } from '../../server/api/context.ts';
import { SERVER_SHUTDOWN } from '../../server/session/closing.ts';
import { newTaskId } from '../../shared/ids.ts';

import { type ApiScene, createContext, openApi } from '../scene/api.ts';

describe('createApi()', () => {
  let scene: ApiScene;

  beforeEach(async () => {
    scene = await openApi();
  });

  afterEach(() => scene.close());

  async function isStored(id: string): Promise<void> {
    while (!(await scene.store.describeTask(id))) await new Promise((resolve) => setImmediate(resolve));
  }

  describe('callTask()', () => {
    function call(id: string, cancelWhenAbandoned = false, { context, ...rest } = createContext()) {
      const request = create(CallTaskRequestSchema, { task: { id, queue: 'q' }, cancelWhenAbandoned });
      return { request, answered: Promise.resolve(scene.api.tasks.callTask(request, context)), ...rest };
    }

    it('answers with the result, and holds no payload meanwhile', async () => {
      const id = newTaskId();
      const { request, answered, begun } = call(id);
      await isStored(id);
      assert.deepEqual([request.task, begun()], [undefined, 1]);
      await scene.queue.cancel([id], 'enough', 'ops');
      assert.deepEqual(await answered.then(({ result }) => [result?.taskId, result?.state]), [id, TaskState.CANCELLED]);
    });

    it('answers with what has ended before', async () => {
      const id = newTaskId();
      const first = call(id);
      await isStored(id);
      await scene.queue.cancel([id], 'enough', 'ops');
      await first.answered;
      assert.equal((await call(id).answered).result?.taskId, id);
    });

    const GONE = whyGone(2, 1);
    const LATE = whyGone(1, 1);
    for (const [title, reason, isAsked, state] of [
      ['a caller that goes', GONE, true, 'cancelled'],
      ['a caller whose deadline has passed', LATE, true, 'cancelled'],
      ['a caller that does not ask for it', GONE, false, 'ready'],
      ['a server that goes', SERVER_SHUTDOWN, true, 'ready'],
    ] as const) {
      it(`leaves a task ${state} behind ${title}`, async () => {
        const id = newTaskId();
        const { answered, leave } = call(id, isAsked);
        await isStored(id);
        leave(reason);
        await assert.rejects(answered, reason);
        // What was asked for before is in the same commit, or in one before.
        await scene.enqueue('other');
        assert.equal((await scene.store.describeTask(id))?.state, state);
      });

      it(`leaves a task ${state} behind ${title} while it is stored`, async () => {
        const id = newTaskId();
        const { answered, leave } = call(id, isAsked);
        leave(reason);
        await assert.rejects(answered, reason);
        // What was asked for before is in the same commit, or in one before.
        await scene.enqueue('other');
        assert.equal((await scene.store.describeTask(id))?.state, state);
      });
    }

    it('names its task where it is in the request', async () => {
      await assert.rejects(call('x').answered, { code: 'INVALID_ARGUMENT', field: 'task.id' });
    });
  });

  describe('watchResults()', () => {
    function watch(context: Context) {
      const request = create(WatchResultsRequestSchema, { start: ResultStart.BEGINNING, follow: true });
      return scene.api.tasks.watchResults(request, context)[Symbol.asyncIterator]();
    }

    it('goes on with what came while its reader was slow', async () => {
      const { context, leave } = createContext();
      const answers = watch(context);
      const [first, second] = await scene.enqueue('q', 'q');
      await answers.next();
      const waits = answers.next();
      await scene.queue.cancel([first!], 'enough', 'ops');
      assert.deepEqual(
        (await waits).value.events.map(({ taskId }: { taskId: string }) => taskId),
        [first],
      );
      // The reader has the first, and has not asked for more: nobody listens when the second is told.
      await scene.queue.cancel([second!], 'enough', 'ops');
      assert.deepEqual(
        (await answers.next()).value.events.map(({ taskId }: { taskId: string }) => taskId),
        [second],
      );
      leave(SERVER_SHUTDOWN);
      assert.equal((await answers.next()).done, true);
    });

    it('goes on with what came while its reader had a cursor alone', async () => {
      const { context, leave } = createContext(['mine']);
      const answers = watch(context);
      const [other, mine] = await scene.enqueue('other', 'mine');
      await scene.queue.cancel([other!], 'enough', 'ops');
      await answers.next();
      // A message for the deleted result alone: everything has been read.
      await scene.store.deleteTasks([other!]);
      scene.queue.results.forget([other!]);
      const { value } = await answers.next();
      assert.deepEqual([value.events, value.gap], [undefined, 1n]);
      await scene.queue.cancel([mine!], 'enough', 'ops');
      assert.deepEqual(
        (await answers.next()).value.events.map(({ taskId }: { taskId: string }) => taskId),
        [mine],
      );
      leave(SERVER_SHUTDOWN);
      assert.equal((await answers.next()).done, true);
    });

    it('ends while it waits when nobody reads any more', async () => {
      const { context, leave } = createContext();
      const answers = watch(context);
      await answers.next();
      const waits = answers.next();
      leave(whyGone(2, 1));
      assert.equal((await waits).done, true);
    });
  });
});
