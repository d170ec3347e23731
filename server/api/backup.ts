import { createHash } from 'node:crypto';
import type { AdminService } from '../../gen/index.ts';
import { ContactError } from '../../shared/errors.ts';
import { hasRights, nameCaller } from '../model/caller.ts';
import type { Store } from '../store/store.ts';
import type { Handler } from './handler.ts';

/** Streams a copy of the store, and at last the checksum of what was streamed. */
export function createBackUp(
  store: Pick<Store, 'backUp' | 'noteAct'>,
  now: () => number,
): Handler<(typeof AdminService.method)['backUp']> {
  return async function* backUp(_request, { caller, signal }) {
    // It has every credential in it too, those of operators among them.
    const isWhole = hasRights(
      caller,
      ({ scope, clients, roles }) => scope.queues === 'all' && clients.clients === 'all' && roles.has('operator'),
    );
    if (!isWhole) throw new ContactError('PERMISSION_DENIED', 'a backup has every queue and every client in it');
    // Said at once, and repeated while the copy is made.
    yield {};
    const backup = await store.backUp(signal);
    try {
      // From here on it may have everything, whether it is read to its end or not.
      await store.noteAct({ kind: 'backed_up', at: now(), by: nameCaller(caller) });
      yield { event: { case: 'begin', value: { bytes: BigInt(backup.bytes) } } };
      const hash = createHash('sha256');
      for await (const chunk of backup.read()) {
        hash.update(chunk);
        yield { event: { case: 'chunk', value: chunk } };
      }
      yield { event: { case: 'end', value: { sha256: hash.digest() } } };
    } finally {
      await backup.close();
    }
  };
}
