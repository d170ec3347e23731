import assert from 'node:assert/strict';
import type { SettledRecord } from '../../server/model/task.ts';
import type { Store } from '../../server/store/store.ts';

/** Bytes as text, so that buffers of any kind compare. */
export function textOf(bytes: Uint8Array | undefined): string | undefined {
  return bytes && Buffer.from(bytes).toString();
}

/** The event is what the log has at its position. */
export async function assertLogged(store: Store, event: SettledRecord | undefined): Promise<void> {
  assert(event && event.position !== null);
  const [logged] = await store.readResults(event.position - 1, 1);
  assert.deepEqual({ ...logged, result: textOf(logged!.result) }, { ...event, result: textOf(event.result) });
}

export async function assertRejects(promise: Promise<unknown>, code: string, message: RegExp): Promise<void> {
  await assert.rejects(promise, (error: Error & { code?: string }) => {
    assert.equal(error.code, code);
    assert.match(error.message, message);
    return true;
  });
}
