import assert from 'node:assert/strict';
import fc from 'fast-check';
import { giveInTurn, isBefore, nextInTurn } from '../../server/model/turns.ts';

describe('isBefore()', () => {
  it('puts the larger priority first, then what has been ready for longer', () => {
    const heads = [
      { nprio: 0, seq: 1 },
      { nprio: -5, seq: 9 },
      { nprio: 0, seq: 0 },
      { nprio: -5, seq: 3 },
    ];
    const sorted = heads.toSorted((a, b) => (isBefore(a, b) ? -1 : 1));
    assert.deepEqual(
      sorted.map(({ seq }) => seq),
      [3, 9, 0, 1],
    );
  });
});

describe('giveInTurn()', () => {
  it('gives everybody as many as anybody else, or all that it wants, whatever there is', () => {
    fc.assert(
      fc.property(fc.array(fc.nat(6), { minLength: 1, maxLength: 6 }), fc.nat(20), (wants, supply) => {
        const takers = wants.map((want) => ({ want, got: 0 }));
        let left = supply;
        const giveOne = (taker: (typeof takers)[number]): boolean => {
          if (taker.got === taker.want || left === 0) return false;
          taker.got++;
          left--;
          return true;
        };
        giveInTurn(takers, (taker) => taker, giveOne);
        const most = Math.max(...takers.map(({ got }) => got));
        const total = wants.reduce((sum, want) => sum + want, 0);
        assert.equal(left, Math.max(0, supply - total));
        for (const { want, got } of takers) assert.ok(got === want || got >= most - 1, `${wants} of ${supply}`);
        // Who comes earlier has its turn earlier.
        const short = takers.filter(({ want, got }) => got < want).map(({ got }) => got);
        assert.deepEqual(
          short,
          short.toSorted((a, b) => b - a),
        );
      }),
    );
  });

  it('begins the turns of each when those before it have had their first', () => {
    const seen: string[] = [];
    giveInTurn(
      ['a', 'b'],
      (name) => `${seen.push(`begin ${name}`)} ${name}`,
      (taker) => seen.push(`give ${taker.slice(-1)}`) < 0,
    );
    assert.deepEqual(seen, ['begin a', 'give a', 'begin b', 'give b']);
  });
});

describe('nextInTurn()', () => {
  it('goes round the queues, passes over empty ones, and waits no more turns than there are queues', () => {
    fc.assert(
      fc.property(fc.array(fc.nat(5), { minLength: 1, maxLength: 5 }), fc.nat(40), (counts, next) => {
        const left = [...counts];
        const taker = { queues: counts.map((_, queue) => queue), next };
        const takenAt = counts.map(() => -1);
        for (let at = 0; ; at++) {
          const queue = nextInTurn(taker, (one) => (left[one]! > 0 ? one : undefined), undefined);
          if (queue === undefined) break;
          left[queue]!--;
          taker.next++;
          assert.ok(at - takenAt[queue]! <= counts.length, `${counts} from ${next}`);
          takenAt[queue] = at;
        }
        assert.ok(left.every((count) => count === 0));
      }),
    );
  });
});
