import assert from 'node:assert/strict';
import type { TaskLogLine } from '../../server/model/tasklog.ts';
import { createHeld } from '../../server/session/ledger.ts';
import type { Session } from '../../server/session/session.ts';
import { createTakeStatus } from '../../server/session/status.ts';
import { NOTHING } from '../property/reports.ts';

const OF = { taskId: 't', delivery: 1 };

describe('createTakeStatus()', () => {
  function open(has: boolean) {
    const storing = Promise.withResolvers<readonly boolean[]>();
    const stored: TaskLogLine[] = [];
    const takeStatus = createTakeStatus({
      queue: { activities: {} as never },
      store: {
        checkpointTasks: () => storing.promise,
        logTasks: (lines) => {
          stored.push(...lines);
          return storing.promise;
        },
      },
      now: () => 1_000,
      attempts: {} as never,
      holders: { find: () => ({ held: createHeld(OF, 0, false, null) }) } as never,
      takeResults: async () => [],
      takeReceipt: () => undefined,
      noteFailure: () => 0,
    });
    const session = { touch: () => undefined, ledger: { has: () => has } } as unknown as Session;
    return { take: takeStatus.bind(null, session), storing, stored };
  }

  for (const [what, report] of Object.entries({
    lines: { logs: [{ ...OF, number: 1, level: 'info', at: null, text: '' }] },
    checkpoints: { checkpoints: [{ ...OF, data: new Uint8Array() }] },
  } as const)) {
    it(`answers once the ${what} are stored, so that who says much is read no faster than that`, async () => {
      const { take, storing } = open(true);
      let isAnswered = false;
      const answered = take({ ...NOTHING, ...report }).then(() => {
        isAnswered = true;
      });
      await new Promise(setImmediate);
      assert.equal(isAnswered, false);
      storing.resolve([true]);
      await answered;
    });
  }

  it('gives a line without an instant that of now, and stores none of a delivery that the session has not', async () => {
    const { take, storing, stored } = open(true);
    storing.resolve([true]);
    const line = { ...OF, number: 1, level: 'info', at: null, text: '' } as const;
    await take({ ...NOTHING, logs: [line, { ...line, number: 2, at: 7 }] });
    assert.deepEqual(
      stored.map(({ at }) => at),
      [1_000, 7],
    );
    const foreign = open(false);
    await foreign.take({ ...NOTHING, logs: [line], checkpoints: [{ ...OF, data: new Uint8Array() }] });
    assert.deepEqual(foreign.stored, []);
  });
});
