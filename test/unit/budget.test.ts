import assert from 'node:assert/strict';
import { createByteBudget, SHARE_BYTES } from '../../server/session/budget.ts';

const MIB = 1 << 20;
const LIMIT = 256 * MIB;

const mute = { owedBytes: 0, seenBytes: 0, isReader: false };
const reader = { ...mute, isReader: true };
const nothing = { maxBytes: 0, mayExceed: false };
const share = { maxBytes: SHARE_BYTES, mayExceed: false };
const shareOrOne = { ...share, mayExceed: true };

describe('createByteBudget()', () => {
  it('gives everybody all that a session may owe while half of it is free', () => {
    const budget = createByteBudget(LIMIT);
    budget.add(LIMIT / 2 - 1);
    for (const one of [mute, reader, { ...mute, owedBytes: 10 }]) {
      assert.deepEqual(budget.allow(one, MIB), { maxBytes: MIB, mayExceed: true });
    }
  });

  it('gives a share beyond half of it, and as much as it has seen to who reads', () => {
    const budget = createByteBudget(LIMIT);
    budget.add(LIMIT / 2);
    assert.deepEqual(budget.allow(mute, MIB), share);
    assert.deepEqual(budget.allow({ ...mute, owedBytes: 1, seenBytes: MIB }, MIB), nothing);
    assert.deepEqual(budget.allow(reader, MIB), shareOrOne);
    assert.deepEqual(budget.allow({ ...reader, owedBytes: 1, seenBytes: 1_000 }, MIB).maxBytes, SHARE_BYTES + 1_000);
    assert.deepEqual(budget.allow({ ...reader, owedBytes: 1, seenBytes: 9 * MIB }, MIB).maxBytes, MIB);
  });

  it('has a reserve for who reads and owes nothing', () => {
    const budget = createByteBudget(LIMIT);
    budget.add((LIMIT * 7) / 8);
    assert.equal(budget.isFull, true);
    assert.deepEqual(budget.allow(mute, MIB), nothing);
    assert.deepEqual(budget.allow({ ...reader, owedBytes: 1, seenBytes: MIB }, MIB), nothing);
    assert.deepEqual(budget.allow(reader, MIB), shareOrOne);
    budget.add(LIMIT / 16);
    assert.deepEqual(budget.allow(reader, MIB), share);
    budget.add(LIMIT / 16);
    assert.deepEqual(budget.allow(reader, MIB), nothing);
  });

  it('is never passed by more than one claim, whoever asks and whatever they owe', () => {
    const budget = createByteBudget(LIMIT);
    const sessions = Array.from({ length: 5_000 }, (_, n) => ({
      ...mute,
      isReader: n % 2 === 0,
      seenBytes: n * 1_000,
    }));
    for (let round = 0; round < 3; round += 1) {
      for (const session of sessions) {
        const { maxBytes, mayExceed } = budget.allow(session, MIB);
        const bytes = mayExceed && session.owedBytes === 0 ? 2 * MIB : Math.max(0, maxBytes - session.owedBytes);
        session.owedBytes += bytes;
        budget.add(bytes);
      }
    }
    assert.ok(budget.used >= LIMIT && budget.used <= LIMIT + 2 * MIB, `${budget.used}`);
  });

  it('leaves who reads the half that those who do not read cannot take', () => {
    const budget = createByteBudget(LIMIT);
    for (let n = 0; n < 2_000; n += 1) {
      const { maxBytes, mayExceed } = budget.allow(mute, MIB);
      budget.add(mayExceed ? 2 * MIB : maxBytes);
    }
    assert.ok(budget.used <= (LIMIT * 7) / 8, `${budget.used}`);
    assert.deepEqual(budget.allow(reader, MIB), shareOrOne);
  });

  it('tells those who wait once more is given than before, at each of its steps', () => {
    const budget = createByteBudget(LIMIT);
    let told = 0;
    const hear = (): void => {
      told += 1;
    };
    budget.add(LIMIT);
    for (const [freed, count] of [
      [1, 0],
      [LIMIT / 16 - 1, 1],
      [LIMIT / 16, 2],
      [LIMIT / 8, 3],
      [(LIMIT * 3) / 8, 4],
    ] as const) {
      budget.await(hear);
      budget.add(-freed);
      assert.equal(told, count, `${freed} were freed`);
    }
    assert.deepEqual(budget.allow(mute, MIB), { maxBytes: MIB, mayExceed: true });
  });

  it('has what was let go of collected while an eighth of it is owed, and not before', () => {
    let passed = 0;
    const budget = createByteBudget(LIMIT, {
      pass(bytes) {
        passed += bytes;
      },
    });
    for (let n = 0; n < 1_000; n += 1) {
      budget.add(MIB);
      budget.add(-MIB);
    }
    assert.equal(passed, 0);
    budget.add(LIMIT / 8 + 1);
    assert.ok(passed > 0 && passed < LIMIT, `${passed}`);
    const before = passed;
    for (let n = 0; n < 100; n += 1) {
      budget.add(MIB);
      budget.add(-MIB);
    }
    // Two copies that it was written from, and what was written.
    assert.ok(Math.abs(passed - before - 300 * MIB) <= LIMIT / 8, `${passed - before}`);
    budget.add(-budget.used);
    assert.ok(passed - before - 300 * MIB >= 0, 'also what is given up at once');
  });
});
