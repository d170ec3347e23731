import assert from 'node:assert/strict';
import { createPlaces } from '../../server/api/places.ts';
import { ANONYMOUS } from '../../server/model/caller.ts';
import { createEventCounts } from '../../server/model/figures.ts';

const callerOf = (principal: string) => ({ ...ANONYMOUS, principal });

function prepare(max: number) {
  const counts = createEventCounts();
  return { places: createPlaces('sessions', max, counts), full: () => counts.reachedLimits.sessions_per_principal };
}

describe('createPlaces()', () => {
  it('gives each principal as many as it may have, and takes them back', () => {
    const { places, full } = prepare(2);
    const [a, b] = [callerOf('token:a'), callerOf('token:b')];
    const first = places.take(a)!;
    places.take(a);
    places.take(b);
    assert.throws(() => places.take(a), {
      code: 'RESOURCE_EXHAUSTED',
      field: 'sessions',
      problem: 'token:a has 2, and may have 2 (maxSessionsPerPrincipal)',
      retryAfterMs: 10_000,
    });
    assert.equal(full(), 1);
    first();
    places.take(a);
    assert.throws(() => places.take(a));
  });

  it('lets in who takes the place of its own, and counts it', () => {
    const { places } = prepare(1);
    const a = callerOf('token:a');
    const before = places.take(a)!;
    const returned = places.take(a, true)!;
    before();
    assert.throws(() => places.take(a));
    returned();
    places.take(a);
  });

  it('counts nobody whom nobody asked who it is', () => {
    const { places } = prepare(1);
    for (let n = 0; n < 5; n += 1) assert.equal(places.take(ANONYMOUS), undefined);
  });

  it('are of each join for itself, also where another has its name', () => {
    const places = createPlaces('calls', 1, createEventCounts());
    const join = (credentialId: string) => ({ principal: 'join:fleet', kind: 'join', credentialId }) as const;
    places.take(join('a'));
    assert.throws(() => places.take(join('a')), { code: 'RESOURCE_EXHAUSTED', message: /join:fleet has 1/ });
    const leave = places.take(join('b'))!;
    leave();
    places.take(join('b'));
    assert.throws(() => places.take(join('a')));
  });

  it('are those of the operator too that has made the caller, or made who has', () => {
    const { places, full } = prepare(3);
    const made = (principal: string) => ({ ...callerOf(principal), countedFor: 'token:maker' });
    const leaves = [
      places.take(made('token:a'))!,
      places.take(made('token:b'))!,
      places.take(callerOf('token:maker'))!,
    ];
    assert.throws(() => places.take(made('token:c')), {
      code: 'RESOURCE_EXHAUSTED',
      field: 'sessions',
      problem: 'token:maker and those that it has made have 3, and may have 3 (maxSessionsPerPrincipal)',
    });
    assert.throws(() => places.take(callerOf('token:maker')), /token:maker has 3/);
    places.take(callerOf('token:other'));
    assert.equal(full(), 2);
    const returned = places.take(made('token:a'), true)!;
    leaves[0]!();
    assert.throws(() => places.take(made('token:c')));
    returned();
    places.take(made('token:c'));
    assert.throws(() => places.take(made('token:c')), /token:maker and/);
  });

  it('are none of who has a join that is spent', () => {
    const { places } = prepare(1);
    const spent = { ...callerOf('join:fleet'), kind: 'join', credentialId: 'a', isSpent: true } as const;
    for (let n = 0; n < 3; n += 1) assert.equal(places.take(spent), undefined);
  });
});
