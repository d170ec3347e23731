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
});
