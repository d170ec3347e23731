import assert from 'node:assert/strict';
import { createRefusals } from '../../server/store/refusals.ts';
import { ContactError } from '../../shared/errors.ts';

describe('createRefusals()', () => {
  const error = new ContactError('RESOURCE_EXHAUSTED', 'store: the disk is full');

  it('tells why the newest commit was refused, until one goes through', () => {
    const refusals = createRefusals(() => 0);
    assert.equal(refusals.last(), undefined);
    refusals.note({ kind: 'refused', error });
    assert.equal(refusals.last(), error);
    refusals.worked();
    assert.equal(refusals.last(), undefined);
  });

  it('counts no bug, and passes every verdict on', () => {
    const refusals = createRefusals(() => 0);
    assert.deepEqual(refusals.note({ kind: 'bug' }), { kind: 'bug' });
    assert.equal(refusals.last(), undefined);
  });

  it('forgets a refusal after which nobody tried again', () => {
    let now = 0;
    const refusals = createRefusals(() => now);
    refusals.note({ kind: 'refused', error });
    now = 4_999;
    assert.equal(refusals.last(), error);
    now = 5_000;
    assert.equal(refusals.last(), undefined);
  });
});
