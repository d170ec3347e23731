import assert from 'node:assert/strict';
import { createTaskQueue, type TaskQueue } from '../../server/dispatch/queue.ts';
import { createTimers } from '../../server/dispatch/timers.ts';
import { createAttempts } from '../../server/session/attempts.ts';
import { createHolders, type Holders } from '../../server/session/holders.ts';
import { createHeld } from '../../server/session/ledger.ts';
import { createLost } from '../../server/session/lost.ts';
import { createTakeResults } from '../../server/session/results.ts';
import type { Session } from '../../server/session/session.ts';
import type { SessionSettings } from '../../server/session/settings.ts';
import { createTakeStatus } from '../../server/session/status.ts';
import type { SettleOutcome } from '../../server/store/deliveries.ts';
import { createFailureLog, type NoteFailure, retryAfterMs } from '../../server/store/failure.ts';
import { openStore } from '../../server/store/open.ts';
import { ContactError } from '../../shared/errors.ts';
import { silentLogger } from '../../shared/logger.ts';
import { createFakeClock, type FakeClock } from '../scene/clock.ts';

const BUG = new TypeError('a bug of ours');
const FULL = new ContactError('RESOURCE_EXHAUSTED', 'store: full', { retryAfterMs: 200 });
const NOTHING = {
  ...{ succeeded: [], failed: [], released: [], stopped: [], untouched: [] },
  ...{ receipt: 0, started: [], progress: [], checkpoints: [], credit: undefined, status: undefined },
};

interface Line {
  readonly err: unknown;
  readonly operation: string;
  readonly unlogged: number;
}

describe('retryAfterMs()', () => {
  it('answers when the store may take it, of what it refused for now', () => {
    assert.equal(retryAfterMs(FULL), 200);
    for (const code of ['RESOURCE_EXHAUSTED', 'UNAVAILABLE', 'ABORTED', 'DEADLINE_EXCEEDED'] as const) {
      assert.equal(retryAfterMs(new ContactError(code, 'not now')), 1_000);
    }
  });

  it('throws everything else as it is', () => {
    for (const error of [
      BUG,
      new ContactError('INTERNAL', 'internal error'),
      new ContactError('INVALID_ARGUMENT', 'no'),
      undefined,
    ]) {
      assert.throws(
        () => retryAfterMs(error),
        (thrown) => thrown === error,
      );
    }
  });
});

describe('an operation of the store that fails by a bug', () => {
  let clock: FakeClock;
  let lines: Line[];
  let queue: TaskQueue;
  let failure: unknown;
  let fatal: unknown[];

  let noteFailure: NoteFailure;
  let holders: Holders;
  const fail = (): Promise<never> => Promise.reject(failure);

  beforeEach(async () => {
    clock = createFakeClock();
    lines = [];
    fatal = [];
    failure = BUG;
    const logger = { ...silentLogger, error: (fields: object) => void lines.push(fields as Line) };
    holders = createHolders(() => undefined);
    noteFailure = createFailureLog({ logger, monotonic: clock.monotonic });
    const onFatal = (error: unknown): void => void fatal.push(error);
    queue = await createTaskQueue({ store: await openStore('memory:', { node: 'n' }), node: 'n', clock, onFatal });
  });

  afterEach(() => queue.close());

  function createReport(with_: Partial<TaskQueue> = {}): ReturnType<typeof createTakeResults> {
    return createTakeResults({
      queue: { ...queue, settle: fail, release: fail, ...with_ },
      holders,
      absent: () => ({ ownerOf: () => undefined, answer: () => undefined }),
      random: () => 0,
      monotonic: clock.monotonic,
      ends: { note: () => undefined },
      maxResultBytes: 10,
      noteFailure,
    });
  }

  it('is logged with its name when a client told a result, which is to be told again', async () => {
    const take = createReport();
    const one = { taskId: 't', delivery: 1 };
    const succeeded = [{ ...one, result: Buffer.alloc(0), contentType: '' }];
    assert.deepEqual(await take({ ...NOTHING, succeeded, released: [one] }, { clientId: 'c', subject: '' }), [
      { ...one, code: 'RETRY_LATER', afterMs: 1_000 },
      { ...one, code: 'RETRY_LATER', afterMs: 1_000 },
    ]);
    assert.deepEqual(lines, [
      { err: BUG, operation: 'settleTasks', unlogged: 0 },
      { err: BUG, operation: 'releaseTasks', unlogged: 0 },
    ]);
  });

  it('holds up nothing that was told with what meets it', async () => {
    const ids: string[] = [];
    const settle: TaskQueue['settle'] = async (settlements) => {
      ids.push(settlements.map(({ taskId }) => taskId).join(''));
      if (settlements.some(({ taskId }) => taskId === 'b')) throw BUG;
      return settlements.map(() => ({ code: 'STORED' }) as SettleOutcome);
    };
    const take = createReport({ settle });
    const succeeded = ['a', 'b', 'c'].map((taskId) => {
      return { taskId, delivery: 1, result: Buffer.alloc(0), contentType: '' };
    });
    const outcomes = await take({ ...NOTHING, succeeded }, { clientId: 'c', subject: '' });
    assert.deepEqual(
      outcomes.map(({ taskId, code }) => [taskId, code]),
      [
        ['a', 'STORED'],
        ['b', 'RETRY_LATER'],
        ['c', 'STORED'],
      ],
    );
    assert.deepEqual([ids, lines.length], [['abc', 'a', 'b', 'c'], 1]);
    failure = FULL;
    const refused = await createReport()({ ...NOTHING, succeeded }, { clientId: 'c', subject: '' });
    assert.deepEqual(
      refused.map(({ afterMs }) => afterMs),
      [200, 200, 200],
    );
  });

  it('is one line a minute, which tells how often it was', async () => {
    const take = createReport();
    const released = [{ taskId: 't', delivery: 1 }];
    for (let n = 0; n < 3; n += 1) await take({ ...NOTHING, released }, { clientId: 'c', subject: '' });
    clock.advance(60_000);
    await take({ ...NOTHING, released }, { clientId: 'c', subject: '' });
    assert.deepEqual(
      lines.map(({ unlogged }) => unlogged),
      [0, 2],
    );
  });

  it('is logged when a checkpoint or a line is not stored, or a session not noted as lost', async () => {
    const held = createHeld({ taskId: 't', delivery: 1 }, 0, false, null);
    const session = { clientId: 'c', touch: () => undefined, ledger: { has: () => true } } as unknown as Session;
    holders.add(session, held);
    const takeStatus = createTakeStatus({
      queue,
      store: { checkpointTasks: fail, logTasks: fail },
      now: clock.now,
      attempts: {} as never,
      holders,
      takeResults: createReport(),
      takeReceipt: () => undefined,
      noteFailure,
    });
    const of = { taskId: 't', delivery: 1 };
    const logs = [{ ...of, number: 1, level: 'info', at: null, text: '' }] as const;
    await takeStatus(session, { ...NOTHING, checkpoints: [{ ...of, data: Buffer.alloc(0) }], logs });
    const timers = createTimers(clock);
    const onFatal = (error: unknown): void => void fatal.push(error);
    const lost = createLost({ queue: { ...queue, loseSession: fail }, timers, windowMs: 1_000, noteFailure, onFatal });
    const ref = { key: 1, epoch: 1 };
    lost.add({ session: ref, clientId: 'c', subject: '', held: [], isResumable: true, onEnded: () => undefined });
    await new Promise(setImmediate);
    assert.deepEqual(
      lines.map(({ operation }) => operation),
      ['checkpointTasks', 'logTasks', 'loseSession'],
    );
  });

  it('is fatal when the server did it by itself, and a refusal for now is tried again', async () => {
    const held = createHeld({ taskId: 't', delivery: 1 }, 50, false, null);
    const session = { clientId: 'c', session: { key: 1, epoch: 1 }, ledger: { has: () => true } } as unknown as Session;
    holders.add(session, held);
    let calls = 0;
    const settle = (): Promise<never> => {
      calls += 1;
      return fail();
    };
    const attempts = createAttempts({
      queue: { ...queue, settle },
      timers: createTimers(clock),
      settings: { cancelGraceMs: 1_000 } as SessionSettings,
      random: () => 0,
      clock,
      ends: { note: () => undefined },
      holders: () => holders,
      onFatal: (error) => void fatal.push(error),
    });
    failure = FULL;
    attempts.start(held);
    clock.advance(50);
    await new Promise(setImmediate);
    assert.deepEqual([calls, fatal], [1, []]);
    failure = BUG;
    clock.advance(200);
    await new Promise(setImmediate);
    assert.deepEqual([calls, fatal], [2, [BUG]]);
    clock.advance(60_000);
    await new Promise(setImmediate);
    assert.equal(calls, 2);
  });
});
