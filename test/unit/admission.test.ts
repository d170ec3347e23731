import assert from 'node:assert/strict';
import fc from 'fast-check';
import { createAdmission, type Role } from '../../server/store/admission.ts';

interface Waiting {
  readonly name: string;
  readonly role: Role;
  readonly items: number;
  readonly bytes: number;
}

interface Numbered extends Waiting {
  readonly number: number;
}

const one = (name: string, role: Role, items = 1, bytes = 0): Waiting => ({ name, role, items, bytes });

function create<W extends Waiting = Waiting>(maxItems = 1_000, maxBytes = 1_000) {
  const roleOf = ({ role }: W): Role => role;
  return createAdmission<W>({ sizeOf: (each) => each, roleOf, maxItems, maxBytes, beginItems: 10 });
}

const namesOf = (waiting: readonly Waiting[]): string => waiting.map(({ name }) => name).join('');

describe('createAdmission()', () => {
  it('takes all in order of arrival, as much as a group may have, and the first in any case', () => {
    const { take } = create(10, 100);
    const waiting = [one('a', 'begin', 20), one('b', 'other'), one('c', 'end', 8, 99), one('d', 'end', 1, 2)];
    const taken: string[] = [];
    for (let rest: readonly Waiting[] = waiting; rest.length > 0; ) {
      const next = take(rest);
      taken.push(namesOf(next.group));
      rest = next.rest;
    }
    assert.deepEqual(taken, ['a', 'bc', 'd']);
  });

  it('lets results pass new tasks that had their share, and nothing else', () => {
    const { take } = create();
    const first = take([one('a', 'begin', 15), one('r', 'end')]);
    assert.deepEqual([namesOf(first.group), namesOf(first.rest)], ['ar', '']);
    const { group, rest } = take([one('b', 'begin', 6), one('x', 'other'), one('c', 'end', 0), one('s', 'end')]);
    // Five are left of its share, which is enough for one that is larger; the next one waits.
    assert.deepEqual([namesOf(group), namesOf(rest)], ['bxcs', '']);
    take([one('d', 'begin', 30), one('t', 'end')]);
    const later = take([one('e', 'begin'), one('x', 'other'), one('u', 'end'), one('f', 'begin'), one('c', 'end', 0)]);
    assert.deepEqual([namesOf(later.group), namesOf(later.rest)], ['uc', 'exf']);
  });

  it('takes new tasks without measure while no result waits', () => {
    const { take } = create();
    take([one('a', 'begin', 500), one('r', 'end')]);
    // A claim is no result.
    const { group } = take([one('b', 'begin', 400), one('c', 'end', 0), one('d', 'begin', 400)]);
    assert.equal(namesOf(group), 'bcd');
  });

  it('takes as many new tasks as their share, on average, in requests of any size', () => {
    const { take } = create();
    let begun = 0;
    let rest: readonly Waiting[] = [];
    const GROUPS = 1_000;
    for (let group = 0; group < GROUPS; group += 1) {
      const next = take([...rest, one('a', 'begin', 1 + ((group * 37) % 50)), one('r', 'end')]);
      for (const { role, items } of next.group) if (role === 'begin') begun += items;
      rest = next.rest;
    }
    assert.ok(Math.abs(begun / GROUPS - 10) < 0.5, `${begun / GROUPS} a group`);
  });

  it('takes each once, something each time, and keeps the order of all but what ends tasks', () => {
    const waiting = fc.array(
      fc.record({
        role: fc.constantFrom<Role>('begin', 'end', 'other'),
        items: fc.nat({ max: 40 }),
        bytes: fc.nat({ max: 40 }),
      }),
      { minLength: 1, maxLength: 30 },
    );
    fc.assert(
      fc.property(fc.array(waiting, { minLength: 1, maxLength: 8 }), (arrivals) => {
        const { take } = create<Numbered>(50, 100);
        const taken: number[] = [];
        let number = 0;
        let rest: readonly Numbered[] = [];
        const roles: Role[] = [];
        const takeOne = (): void => {
          const next = take(rest);
          assert.ok(next.group.length > 0);
          taken.push(...next.group.map((each) => each.number));
          rest = next.rest;
        };
        for (const arrived of arrivals) {
          rest = [...rest, ...arrived.map((each) => ({ ...each, name: '', number: number++ }))];
          roles.push(...arrived.map(({ role }) => role));
          takeOne();
        }
        while (rest.length > 0) takeOne();
        assert.deepEqual(
          taken.toSorted((a, b) => a - b),
          roles.map((_, at) => at),
        );
        for (const kept of [(role: Role) => role !== 'end', (role: Role) => role === 'end']) {
          const ofKind = taken.filter((at) => kept(roles[at]!));
          assert.deepEqual(
            ofKind,
            ofKind.toSorted((a, b) => a - b),
          );
        }
      }),
    );
  });
});
