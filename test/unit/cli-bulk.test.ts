import assert from 'node:assert/strict';
import { actInSteps, type Part } from '../../cli/commands/tasks/bulk.ts';
import type { CommandContext } from '../../cli/context.ts';

describe('a bulk act of the command line', () => {
  function createContext() {
    const said: string[] = [];
    const context = { say: (line: string) => said.push(line), screen: null, exitCode: 0 };
    return { said, context: context as unknown as CommandContext };
  }

  /** A server that does it to a thousand at a time; of these so many are not done. */
  function createServer(total: number, refused = 0) {
    const asked: Part[] = [];
    let left = total;
    const step = async (part: Part) => {
      asked.push(part);
      const found = Math.min(part.max ?? total, left);
      left -= found;
      return { found, total: found - refused, nextPageToken: left > 0 ? `after ${total - left}` : '' };
    };
    return { asked, step };
  }

  it('goes on where the step before has ended, until nothing more is found, and counts what was done', async () => {
    const { said, context } = createContext();
    const { asked, step } = createServer(2_500, 1);
    assert.equal(await actInSteps(step, { counts: { ready: 2_500 } }, 'deleted', context), 2_497);
    assert.deepEqual(asked, [
      { max: 1_000 },
      { max: 1_000, pageToken: 'after 1000' },
      { max: 1_000, pageToken: 'after 2000' },
    ]);
    assert.deepEqual([said, context.exitCode], [[], 0]);
  });

  it('is one step of a server that knows of no parts', async () => {
    const { context } = createContext();
    const step = async () => ({ found: 5_000, total: 5_000, nextPageToken: '' });
    assert.equal(await actInSteps(step, { counts: undefined }, 'deleted', context), 5_000);
  });

  it('ends with the step under way when somebody stops it, and says how many were done', async () => {
    const { said, context } = createContext();
    const { asked, step } = createServer(10_000);
    const stopped = async (part: Part) => {
      if (asked.length === 1) process.emit('SIGINT', 'SIGINT');
      return step(part);
    };
    assert.equal(await actInSteps(stopped, { counts: { ready: 10_000 } }, 'deleted', context), 2_000);
    assert.deepEqual(said, ['contact: stopped before its end: 2,000 tasks deleted until then']);
    assert.equal(context.exitCode, 130);
  });

  it('fails as a step fails', async () => {
    const { context } = createContext();
    const failing = () => Promise.reject(new Error('no'));
    await assert.rejects(actInSteps(failing, { counts: { ready: 2 } }, 'deleted', context), /no/);
  });
});
