import assert from 'node:assert/strict';
import { type Deadline, joinSubsystems, type ServerCore, type Subsystem } from '../../server/subsystem.ts';

describe('joinSubsystems()', () => {
  const DEADLINE: Deadline = { afterMs: 10, isOver: () => false };

  function createScene() {
    const said: string[] = [];
    const failures: unknown[] = [];
    const logger = {
      info: () => undefined,
      warn: () => undefined,
      error: (one: { err?: unknown }) => failures.push(one.err),
    };
    const create = (name: string, with_: Partial<Subsystem> = {}): Subsystem => ({
      async start() {
        said.push(`${name} starts`);
      },
      async close({ afterMs }) {
        said.push(`${name} goes in ${afterMs}`);
      },
      ...with_,
    });
    return { said, failures, house: { logger } as unknown as ServerCore, create };
  }

  it('starts one after the other, and closes all', async () => {
    const { said, house, create } = createScene();
    const both = joinSubsystems([create('a'), create('b')]);
    await both.start(house);
    await both.close(DEADLINE);
    assert.deepEqual(said, ['a starts', 'b starts', 'a goes in 10', 'b goes in 10']);
  });

  it('closes them at a time, and waits for each', async () => {
    const { said, house, create } = createScene();
    const { promise, resolve } = Promise.withResolvers<void>();
    const both = joinSubsystems([create('a', { close: () => promise }), create('b')]);
    await both.start(house);
    let isClosed = false;
    const closed = both.close(DEADLINE).then(() => {
      isClosed = true;
    });
    await new Promise((next) => setImmediate(next));
    assert.deepEqual([said.at(-1), isClosed], ['b goes in 10', false]);
    resolve();
    await closed;
  });

  it('does not start those after one that cannot, and closes what began', async () => {
    const { said, house, create } = createScene();
    const failing = create('b', { start: () => Promise.reject(new Error('no port')) });
    const all = joinSubsystems([create('a'), failing, create('c')]);
    await assert.rejects(all.start(house), /no port/);
    await all.close(DEADLINE);
    assert.deepEqual(said, ['a starts', 'a goes in 10', 'b goes in 10']);
  });

  it('lets one that fails to close hold up no other, and logs it', async () => {
    const { said, failures, house, create } = createScene();
    const error = new Error('stuck');
    const throwing = create('a', {
      close: () => {
        throw error;
      },
    });
    const all = joinSubsystems([throwing, create('b', { close: () => Promise.reject(error) }), create('c')]);
    await all.start(house);
    await all.close(DEADLINE);
    assert.deepEqual([said.at(-1), failures], ['c goes in 10', [error, error]]);
  });

  it('closes once', async () => {
    const { said, house, create } = createScene();
    const one = joinSubsystems([create('a')]);
    await one.start(house);
    await one.close(DEADLINE);
    await one.close(DEADLINE);
    assert.deepEqual(said, ['a starts', 'a goes in 10']);
  });
});
