import assert from 'node:assert/strict';
import { createUpkeep } from '../../client/credential/upkeep.ts';
import { createRenewals } from '../../server/access/renewals.ts';
import type { StoredCredential } from '../../server/store/credentials.ts';
import { createFakeClock } from '../scene/clock.ts';

const DAY_MS = 86_400_000;

describe('a renewal that is due by the wall clock', () => {
  it('is seen within a minute of a clock that was set forward, by the server', () => {
    const clock = createFakeClock();
    const stored = { id: 'c', kind: 'client', createdAt: clock.now(), expiresAt: clock.now() + 90 * DAY_MS };
    const credential = { ...stored, revokedAt: null } as StoredCredential;
    const told: number[] = [];
    const renewals = createRenewals({ find: () => credential, ofPrincipal: () => [credential] }, clock);
    const stop = renewals.watch('c', (expiresAt) => told.push(expiresAt));
    clock.advance(DAY_MS);
    assert.deepEqual(told, []);
    clock.jump(60 * DAY_MS);
    clock.advance(60_000);
    assert.deepEqual(told, [credential.expiresAt]);
    // Who has not renewed is told again after half of what is left, not at each look.
    clock.advance(DAY_MS);
    assert.equal(told.length, 1);
    stop();
    assert.equal(clock.pending, 0);
  });

  it('is seen within a minute of a clock that was set forward, by the client', async () => {
    const clock = createFakeClock();
    const renewAt = clock.now() + 60 * DAY_MS;
    let renewed = 0;
    const credential = {
      token: 'ct_1',
      isReady: true,
      renewAt,
      refresh: () => undefined,
      enrol: async () => undefined,
      renew: async () => {
        renewed += 1;
        credential.renewAt = Number.POSITIVE_INFINITY;
      },
      hasOther: () => false,
    };
    const logger = { info: () => undefined, warn: () => undefined };
    const nowhere = () => assert.fail('nothing is called');
    const upkeep = createUpkeep(credential, { server: 's', clock, logger, link: nowhere, metadata: nowhere });
    upkeep.connected();
    clock.advance(DAY_MS);
    assert.equal(renewed, 0);
    clock.jump(60 * DAY_MS);
    clock.advance(60_000);
    assert.equal(renewed, 1);
    await new Promise(setImmediate);
    assert.equal(clock.pending, 0);
    upkeep.close();
  });
});
