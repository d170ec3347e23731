import assert from 'node:assert/strict';
import { countLeft, withProgress } from '../../cli/commands/tasks/bulk.ts';
import type { CommandContext } from '../../cli/context.ts';
import type { Admin, TaskCounts, TaskQuery } from '../../client/index.ts';

describe('a bulk act of the command line', () => {
  const context = (said: string[]) => ({ say: (line: string) => said.push(line) }) as unknown as CommandContext;

  it('that takes long tells how far it has got, until it is over', async () => {
    const said: string[] = [];
    const act = Promise.withResolvers<string>();
    let left = 1_500;
    const count = async () => {
      left -= 500;
      if (left === 0) act.resolve('done');
      return left;
    };
    assert.equal(
      await withProgress(act.promise, { counts: { ready: 2_000 } }, ['ready'], count, context(said), 1),
      'done',
    );
    assert.deepEqual(said.slice(0, 2), ['1,000 of 2,000 tasks after 0 s', '1,500 of 2,000 tasks after 0 s']);
  });

  it('that is over soon, or cannot be counted, tells nothing, and fails as it fails', async () => {
    const said: string[] = [];
    const never = () => Promise.reject(new Error('not asked'));
    const counts = { ready: 2 };
    assert.equal(await withProgress(Promise.resolve(1), { counts }, ['ready'], never, context(said), 60_000), 1);
    assert.equal(await withProgress(Promise.resolve(1), { counts: undefined }, ['ready'], never, context(said), 1), 1);
    const failing = Promise.reject(new Error('no'));
    await assert.rejects(withProgress(failing, { counts }, ['ready'], never, context(said), 60_000), /no/);
    assert.deepEqual(said, []);
  });

  it('tells nothing of those that are only asked to stop, as nobody sees which of them were', async () => {
    const said: string[] = [];
    const act = Promise.withResolvers<void>();
    let asked = 0;
    const left = async () => {
      if (++asked === 2) act.resolve();
      return 1;
    };
    await withProgress(
      act.promise,
      { counts: { ready: 2, running: 5 } },
      ['scheduled', 'ready'],
      left,
      context(said),
      1,
    );
    assert.equal(said[0], '1 of 2 tasks after 0 s');
    // Those that have run for long are none of those that wait.
    const stopped = new Promise<void>((resolve) => setTimeout(resolve, 20));
    const never = () => Promise.reject(new Error('not asked'));
    await withProgress(stopped, { counts: { running: 5 } }, ['scheduled', 'ready'], never, context(said), 1);
    assert.equal(said.length, 1);
  });

  it('counts what is left of the states that it is about, and never all for none', async () => {
    const asked: TaskQuery[] = [];
    const admin = {
      countTasks: async (filter: TaskQuery) => {
        asked.push(filter);
        return { ready: 2, scheduled: 1 } as TaskCounts;
      },
    } as unknown as Admin;
    assert.equal(await countLeft(admin, { queues: ['q'] }, ['scheduled', 'ready']), 3);
    assert.equal(await countLeft(admin, { states: ['running'] }, ['scheduled', 'ready']), 0);
    assert.deepEqual(asked, [{ queues: ['q'], states: ['scheduled', 'ready'] }]);
  });
});
