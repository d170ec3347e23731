import assert from 'node:assert/strict';
import { Subject } from 'rxjs';
import { createBook } from '../../server/access/book.ts';
import type { StoredCredential } from '../../server/store/credentials.ts';
import type { Signal } from '../../server/store/signals.ts';
import { createFakeClock } from '../scene/clock.ts';
import { createToken } from '../scene/credentials.ts';
import { T0 } from '../scene/tasks.ts';

function stored(name: string): StoredCredential {
  const ends = { createdAt: T0, parentId: null, clientId: null, revokedAt: null, lastUsedAt: null };
  return { ...createToken({ name, expiresAt: null }), ...ends };
}

describe('createBook()', () => {
  it('has nothing that the store has forgotten', async () => {
    const signals = new Subject<readonly Signal[]>();
    const store = { signals$: signals, listCredentials: async () => [], touchCredentials: async () => undefined };
    const book = createBook({ store, clock: createFakeClock(), onTrouble: (error) => assert.fail(String(error)) });
    const [first, second, other] = [stored('web'), stored('web'), stored('other')];
    signals.next([{ kind: 'credentialsChanged', credentials: [first, second] }]);
    signals.next([{ kind: 'credentialsChanged', credentials: [other], forgotten: [first.id, 'unknown'] }]);
    assert.deepEqual([book.find(first.id), book.find(second.id)], [undefined, second]);
    assert.deepEqual(book.ofPrincipal('token:web'), [second]);
    signals.next([{ kind: 'credentialsChanged', credentials: [], forgotten: [second.id] }]);
    assert.deepEqual([book.ofPrincipal('token:web'), book.ofPrincipal('token:other')], [[], [other]]);
    await book.close();
  });
});
