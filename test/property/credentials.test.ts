import assert from 'node:assert/strict';
import { createHash } from 'node:crypto';
import fc from 'fast-check';
import type { StoredCredential } from '../../server/store/credentials.ts';
import { openStore } from '../../server/store/open.ts';
import type { Store } from '../../server/store/store.ts';
import { ContactError } from '../../shared/errors.ts';
import { createModelStore } from '../model/store.ts';
import { createJoin, createToken, WORKER_RIGHTS } from '../scene/credentials.ts';
import { isFull } from '../scene/full.ts';
import { T0 } from '../scene/tasks.ts';

const numRuns = isFull ? 3_000 : 150;

// Few ids and secrets, so that steps meet what others have stored.
const id = fc.constantFrom('a', 'b', 'c', 'd', 'e', 'f').map((letter) => letter.repeat(16));
const madeWith = fc.option(id, { nil: null });
const hash = fc.nat({ max: 7 }).map((n) => createHash('sha256').update(String(n)).digest('hex'));
const clientId = fc.constantFrom('robot-1', 'robot-2', 'door');
const span = fc.constantFrom(1_000, 60_000, 600_000, 3_600_000);
const end = fc.option(span, { nil: null });

/** The instant after so long; null: never. */
const at = (now: number, afterMs: number | null): number | null => (afterMs === null ? null : now + afterMs);

type Step = (store: Store, now: number) => Promise<unknown>;

const step: fc.Arbitrary<Step> = fc.oneof(
  fc.record({ id, hash, end, makers: end, madeWith }).map(
    ({ end: after, makers, ...drawn }): Step =>
      (store, now) => {
        const ends = { expiresAt: at(now, after), endsBy: at(now, makers) };
        return store.createCredential(createToken({ ...drawn, ...ends }), now);
      },
  ),
  fc
    .record({
      ...{ id, hash, end, makers: end, madeWith },
      ...{ usesLeft: fc.constantFrom(1, 2, null), lifetimeMs: end, rest: fc.boolean() },
    })
    .map(
      ({ end: after, makers, rest, ...drawn }): Step =>
        (store, now) => {
          const rights = { ...WORKER_RIGHTS, clients: rest ? ['*'] : ['robot-*'] };
          const ends = { expiresAt: at(now, after), endsBy: at(now, makers) };
          return store.createCredential(createJoin({ ...drawn, rights, ...ends }), now);
        },
    ),
  fc.record({ joinId: id, clientId, id, hash }).map(
    (enrolment): Step =>
      (store, now) =>
        store.enrolClient(enrolment, now),
  ),
  fc.record({ oldId: id, id, hash, overlapMs: span, makers: end, madeWith }).map(
    ({ makers, ...renewal }): Step =>
      (store, now) =>
        store.renewCredential({ ...renewal, createdBy: 'operator', endsBy: at(now, makers) }, now),
  ),
  fc.tuple(id, fc.boolean()).map(
    ([one, withMade]): Step =>
      (store, now) =>
        store.revokeCredential(one, now, { withMade }),
  ),
  fc.array(id, { maxLength: 3 }).map(
    (ids): Step =>
      (store, now) =>
        store.touchCredentials(ids, now),
  ),
);

async function answerOf(run: Promise<unknown>): Promise<unknown> {
  try {
    return await run;
  } catch (error) {
    assert.ok(error instanceof ContactError, String(error));
    return [error.code, error.field];
  }
}

describe('credentials of a store', () => {
  it('are those of the model, whatever is done to them, and each change is told', async () => {
    const turns = fc.array(fc.record({ step, passesMs: fc.constantFrom(0, 1, 30_000, 700_000) }), { maxLength: 40 });
    await fc.assert(
      fc.asyncProperty(turns, async (drawn) => {
        const model = createModelStore();
        const store = await openStore('memory:', { node: 'test' });
        /** What somebody knows who has only ever listened. */
        const heard = new Map<string, StoredCredential>();
        store.signals$.subscribe((signals) => {
          for (const one of signals) {
            if (one.kind !== 'credentialsChanged') continue;
            for (const each of one.credentials) heard.set(each.id, each);
          }
        });
        let now = T0;
        for (const { step: run, passesMs } of drawn) {
          now += passesMs;
          assert.deepEqual(await answerOf(run(store, now)), await answerOf(run(model, now)));
        }
        const all = await store.listCredentials('', 500);
        assert.deepEqual(all, await model.listCredentials('', 500));
        const unused = (list: readonly StoredCredential[]) => list.map((one) => ({ ...one, lastUsedAt: null }));
        const known = [...heard.values()].sort((a, b) => (a.id < b.id ? -1 : 1));
        assert.deepEqual(unused(known), unused(all));
        await store.close();
      }),
      { numRuns },
    );
  });
});
