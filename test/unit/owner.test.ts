import assert from 'node:assert/strict';
import { answerClosed, type DeliveryFacts, findOpen } from '../../server/model/delivery.ts';

const OURS = { key: 7, epoch: 2 };
const ROBOT = { clientId: 'robot', subject: 'alice' };
const RUNNING: DeliveryFacts = {
  state: 'running',
  delivery: 4,
  attempt: 0,
  lost: 0,
  ended: 'none',
  sessionKey: OURS.key,
  owner: null,
  cancelReason: null,
  terms: { maxAttempts: 3, backoffBaseMs: 100, backoffCapMs: 1_000 },
};
const LOST: DeliveryFacts = { ...RUNNING, state: 'ready', ended: 'lost', sessionKey: null, owner: ROBOT };

describe('findOpen(), of who names a delivery,', () => {
  it('opens what runs to its owner alone, and to the server', () => {
    const runner = { ...ROBOT, epoch: 2 };
    const by = (clientId: string | undefined, subject: string) =>
      findOpen(RUNNING, { delivery: 4, namedBy: { clientId, subject } }, runner) !== undefined;
    assert.deepEqual([by('robot', 'alice'), by('robot', 'bob'), by('other', 'alice')], [true, false, false]);
    assert.deepEqual([by(undefined, 'alice'), by(undefined, 'bob')], [true, false]);
    assert.ok(findOpen(RUNNING, { delivery: 4, session: OURS }, runner));
  });

  it('opens what was lost to its principal alone, but where nobody asked who it was', () => {
    const by = (subject: string, had: string) =>
      findOpen(
        { ...LOST, owner: { clientId: 'robot', subject: had } },
        { delivery: 4, namedBy: { clientId: 'robot', subject } },
        undefined,
      ) !== undefined;
    assert.deepEqual([by('alice', 'alice'), by('bob', 'alice')], [true, false]);
    assert.deepEqual([by('alice', ''), by('', 'alice'), by('', '')], [true, true, true]);
    const unnamed = { clientId: undefined, subject: 'alice' };
    assert.equal(
      findOpen({ ...LOST, owner: { ...ROBOT, subject: '' } }, { delivery: 4, namedBy: unnamed }, undefined),
      undefined,
    );
    assert.ok(findOpen(LOST, { delivery: 4, namedBy: unnamed }, undefined));
  });
});

describe('answerClosed(), of a failure that is retried,', () => {
  it('tells DUPLICATE to who has told it, and STALE to others', () => {
    const failed = { ...LOST, state: 'scheduled', ended: 'failed' } as const;
    const answer = (clientId: string | undefined, subject: string) =>
      answerClosed(failed, { delivery: 4, namedBy: { clientId, subject } });
    for (const own of [answer('robot', 'alice'), answer(undefined, 'alice'), answer('robot', '')]) {
      assert.equal(own, 'DUPLICATE');
    }
    for (const other of [answer('robot', 'mallory'), answer(undefined, 'mallory'), answer('other', 'alice')]) {
      assert.equal(other, 'STALE');
    }
  });
});
