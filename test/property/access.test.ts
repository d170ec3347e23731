import assert from 'node:assert/strict';
import fc from 'fast-check';
import { findBeyond, matchesAny, type Rights, withClient } from '../../server/model/access.ts';
import { isFull } from '../scene/full.ts';

const numRuns = isFull ? 20_000 : 1_000;

/** Every name of at most four letters, of few: what patterns mean is a set of these. */
const ALPHABET = ['a', 'b', '/'];
const NAMES = [...Array(4)]
  .reduce<string[][]>(
    (lengths) => [...lengths, lengths.at(-1)!.flatMap((name) => ALPHABET.map((letter) => name + letter))],
    [['']],
  )
  .flat();

/** What a pattern means, said another way. */
function meaningOf(pattern: string): Set<string> {
  const form = new RegExp(`^${pattern.replace(/\*$/, '[ab/]*')}$`);
  return new Set(NAMES.filter((name) => form.test(name)));
}

const letters = fc.string({ unit: fc.constantFrom(...ALPHABET), maxLength: 3 });
const pattern = fc.tuple(letters, fc.boolean()).map(([text, isOpen]) => (isOpen ? `${text}*` : text));
const clientPattern = fc
  .tuple(letters, letters, fc.boolean())
  .map(([a, b, isOpen]) => `${a}{client}${b}${isOpen ? '*' : ''}`);
const patterns = fc.array(pattern, { maxLength: 3 });
const clientId = fc.string({ unit: fc.constantFrom(...ALPHABET), minLength: 1, maxLength: 2 });

const makerOf = (queues: 'all' | readonly string[]) =>
  ({ queues, clients: 'all', calls: 'all', serves: 'all' }) as const;
const rightsOf = (queues: readonly string[]): Rights => ({
  roles: ['worker'],
  queues,
  clients: [],
  calls: [],
  serves: [],
});

describe('patterns', () => {
  it('mean what they say', () => {
    fc.assert(
      fc.property(patterns, (some) => {
        const meant = new Set(some.flatMap((one) => [...meaningOf(one)]));
        assert.deepEqual(new Set(NAMES.filter((name) => matchesAny(some, name))), meant);
      }),
      { numRuns: Math.ceil(numRuns / 10) },
    );
  });

  it('are within others if and only if one of these means all that each means', () => {
    fc.assert(
      fc.property(patterns, patterns, (some, others) => {
        const isWithin = some.every((one) =>
          others.some((other) => {
            // Longer names than these tell an open pattern from a closed one.
            const isOpen = one.endsWith('*') && !other.endsWith('*');
            const [meant, covered] = [meaningOf(one), meaningOf(other)];
            return !isOpen && [...meant].every((name) => covered.has(name));
          }),
        );
        assert.equal(findBeyond(rightsOf(some), makerOf(others)) === undefined, isWithin);
      }),
      { numRuns },
    );
  });

  it('that are within others stay so for every client', () => {
    fc.assert(
      fc.property(
        fc.array(fc.oneof(pattern, clientPattern), { maxLength: 3 }),
        patterns,
        clientId,
        (some, others, id) => {
          if (findBeyond(rightsOf(some), makerOf(others)) !== undefined) return;
          const forClient = withClient(some, id);
          for (const name of NAMES) assert.ok(!matchesAny(forClient, name) || matchesAny(others, name), name);
        },
      ),
      { numRuns },
    );
  });
});
