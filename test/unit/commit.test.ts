import assert from 'node:assert/strict';
import { createGroupCommit, type Engine, type GroupCommit } from '../../server/store/commit.ts';
import { ContactError } from '../../shared/errors.ts';

/** Records the groups it is given; a request is its rank and what happens to it. */
interface Step {
  readonly name: string;
  readonly rank: number;
  readonly fault?: unknown;
}

function createRecorder(verdict: 'refused' | 'bug' | 'fatal' = 'bug') {
  const groups: string[][] = [];
  const engine: Engine<Step> = {
    transact: (requests) => {
      groups.push(requests.map((request) => request.name));
      for (const { fault } of requests) if (fault && !(fault instanceof ContactError)) throw fault;
      return requests.map((request) => request.fault ?? request.name);
    },
    judge: () =>
      verdict === 'refused' ? { kind: verdict, error: new ContactError('UNAVAILABLE', 'busy') } : { kind: verdict },
  };
  const fatal: unknown[] = [];
  const options = { engine, rankOf: (step: Step) => step.rank, onFatal: (error: unknown) => fatal.push(error) };
  return { groups, fatal, engine, commit: createGroupCommit({ ...options, maxItems: 10, maxBytes: 100 }) };
}

const nameOf = (error: unknown): string => (error as Error).message;

function submit(commit: GroupCommit<Step>, name: string, rank = 0, items = 1, bytes = 0): Promise<string> {
  return commit.submit({ name, rank }, items, bytes);
}

describe('createGroupCommit()', () => {
  it('makes one group of a turn, by rank and then arrival', async () => {
    const { commit, groups } = createRecorder();
    const answers = [submit(commit, 'a', 2), submit(commit, 'b', 1), submit(commit, 'c', 2), submit(commit, 'd', 0)];
    assert.deepEqual(await Promise.all(answers), ['a', 'b', 'c', 'd']);
    assert.deepEqual(groups, [['d', 'b', 'a', 'c']]);
  });

  it('admits by arrival what fits, and the rest into the next', async () => {
    const { commit, groups } = createRecorder();
    await Promise.all([
      submit(commit, 'a', 5, 6),
      submit(commit, 'b', 1, 4),
      submit(commit, 'c', 0, 1, 60),
      submit(commit, 'd', 0, 1, 60),
      submit(commit, 'large', 0, 1, 500),
      submit(commit, 'many', 0, 50),
    ]);
    assert.deepEqual(groups, [['b', 'a'], ['c'], ['d'], ['large'], ['many']]);
  });

  it('refuses one request without the others', async () => {
    const { commit, groups } = createRecorder();
    const fault = new ContactError('ALREADY_EXISTS', 'no');
    const [a, b] = await Promise.allSettled([submit(commit, 'a'), commit.submit({ name: 'b', rank: 0, fault }, 1, 0)]);
    assert.deepEqual([a.status, b.status, groups.length], ['fulfilled', 'rejected', 1]);
  });

  it('finds the request that broke its group', async () => {
    const { commit, groups } = createRecorder();
    const fault = new TypeError('a bug');
    const outcomes = await Promise.allSettled([
      submit(commit, 'a'),
      commit.submit({ name: 'b', rank: 0, fault }, 1, 0),
      submit(commit, 'c'),
    ]);
    assert.deepEqual(
      outcomes.map((outcome) => outcome.status),
      ['fulfilled', 'rejected', 'fulfilled'],
    );
    assert.deepEqual(groups, [['a', 'b', 'c'], ['a'], ['b'], ['c']]);
  });

  it('refuses a whole group that could not be kept, and goes on', async () => {
    const { commit } = createRecorder('refused');
    const fault = new Error('busy');
    const outcomes = [submit(commit, 'a'), commit.submit({ name: 'b', rank: 0, fault }, 1, 0)];
    for (const outcome of outcomes) await assert.rejects(outcome, { code: 'UNAVAILABLE', message: 'busy' });
    assert.equal(await submit(commit, 'c'), 'c');
  });

  it('gives up for good when the disk failed', async () => {
    const { commit, fatal } = createRecorder('fatal');
    const fault = new Error('I/O');
    await assert.rejects(commit.submit({ name: 'a', rank: 0, fault }, 1, 0), { code: 'UNAVAILABLE' });
    assert.deepEqual(fatal, [fault]);
    await assert.rejects(submit(commit, 'b'), { code: 'UNAVAILABLE' });
    await commit.close();
  });

  it('gives up for good when a sync fails, with the group that was transacted on top of it', async () => {
    const { commit, fatal, engine } = createRecorder('refused');
    const syncing = Promise.withResolvers<void>();
    const fault = new Error('nobody knows what is on disk');
    engine.sync = () => syncing.promise;
    const turn = (): Promise<void> => new Promise((resolve) => setImmediate(() => setImmediate(resolve)));
    const failed = [submit(commit, 'a').catch(nameOf)];
    await turn();
    failed.push(submit(commit, 'above').catch(nameOf));
    await turn();
    syncing.reject(fault);
    assert.deepEqual(await Promise.all(failed), ['store: the disk failed', 'store: the disk failed']);
    assert.deepEqual(fatal, [fault]);
    await assert.rejects(submit(commit, 'b'), { message: 'store: the disk failed' });
  });

  it('finishes what was submitted before it closes', async () => {
    const { commit } = createRecorder();
    const answers = [submit(commit, 'a', 0, 8), submit(commit, 'b', 0, 8)];
    await commit.close();
    assert.deepEqual(await Promise.all(answers), ['a', 'b']);
    await assert.rejects(submit(commit, 'c'), { code: 'UNAVAILABLE', message: 'store: closed' });
  });
});
