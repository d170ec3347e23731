import assert from 'node:assert/strict';
import { create, type DescService } from '@bufbuild/protobuf';
import { CancelTasksRequestSchema, TaskService } from '../../gen/index.ts';
import { createLogs } from '../../server/logs.ts';
import type { Role } from '../../server/model/access.ts';
import { ANONYMOUS } from '../../server/model/caller.ts';
import { createFakeClock } from '../scene/clock.ts';
import { createLogbook } from '../scene/logbook.ts';

/** A server's logs, and cancels that are told to its audit log. */
function prepare() {
  const [clock, book] = [createFakeClock(), createLogbook()];
  const logs = createLogs(book, clock);
  let total = 0;
  const { cancelTasks } = logs.audit<DescService, string>(TaskService, { cancelTasks: async () => ({ total }) }) as {
    cancelTasks(request: unknown, context: unknown): Promise<unknown>;
  };
  const request = create(CancelTasksRequestSchema, { filter: { queues: ['q'] } });

  /** So many cancels, each of so many tasks. */
  async function cancel(count: number, name: string, role: Role, tasks: number): Promise<void> {
    total = tasks;
    const caller = { ...ANONYMOUS, kind: 'token', principal: `token:${name}`, roles: new Set([role]) };
    for (let n = 0; n < count; n += 1) await cancelTasks(request, { caller, peer: '192.0.2.1:1' });
  }
  const countOf = (name: string): number => book.audits().filter((one) => one.principal === `token:${name}`).length;
  const leftOut = (): unknown[] => book.audits().flatMap(({ unlogged }) => (unlogged === undefined ? [] : [unlogged]));
  return { clock, book, logs, cancel, countOf, leftOut };
}

describe('createLogs()', () => {
  it('tells 20 lines at once of what others ask for in vain, then one a second, and counts those that it leaves out', async () => {
    const { clock, cancel, countOf, leftOut } = prepare();
    await cancel(30, 'web', 'producer', 0);
    assert.equal(countOf('web'), 20);
    clock.advance(1_000);
    assert.deepEqual(leftOut(), [{ operator: 10 }]);
    await cancel(3, 'web', 'producer', 0);
    assert.equal(countOf('web'), 21);
    clock.advance(5_000);
    assert.deepEqual(leftOut(), [{ operator: 10 }, { operator: 2 }]);
    await cancel(30, 'web', 'producer', 0);
    assert.equal(countOf('web'), 26);
  });

  it('tells 1,000 lines at once of what others do, then a hundred a second, beside those of what they do in vain', async () => {
    const { clock, cancel, countOf, leftOut } = prepare();
    await cancel(30, 'vain', 'producer', 0);
    await cancel(1_200, 'web', 'producer', 1);
    assert.deepEqual([countOf('vain'), countOf('web')], [20, 1_000]);
    clock.advance(1_000);
    assert.deepEqual(leftOut(), [{ operator: 10 }, { operator: 200 }]);
    await cancel(1_200, 'web', 'producer', 1);
    assert.equal(countOf('web'), 1_100);
  });

  it('tells all that operators do, and of what they ask for in vain as much as of what others do', async () => {
    const { cancel, countOf, leftOut, logs } = prepare();
    await cancel(1_200, 'web', 'producer', 1);
    await cancel(1_200, 'ops', 'operator', 1);
    assert.equal(countOf('ops'), 1_200);
    await cancel(100, 'ops', 'operator', 0);
    assert.equal(countOf('ops'), 1_200);
    logs.close();
    assert.deepEqual(leftOut(), [{ operator: 300 }]);
  });

  it('tells each client that comes and goes at the pace of others, not of what they do', async () => {
    const { clock, book, logs, cancel, countOf } = prepare();
    await cancel(1_200, 'web', 'producer', 1);
    for (let n = 0; n < 1_100; n += 1) {
      logs.journal.refused({ clientId: 'robot-1', subject: 'token:web' }, new Error('in vain'));
    }
    assert.equal(countOf('web'), 1_000);
    assert.equal(book.messages().filter((message) => message === 'client refused').length, 1_000);
    clock.advance(1_000);
    assert.equal(book.lines.filter(({ unlogged, audit }) => unlogged !== undefined && audit !== true).length, 1);
  });
});
