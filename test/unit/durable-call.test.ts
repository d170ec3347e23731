import assert from 'node:assert/strict';
import { Buffer } from 'node:buffer';
import type { StoredCall } from '../../server/model/call.ts';
import { ANONYMOUS } from '../../server/model/caller.ts';
import type { ResultRecord } from '../../server/model/task.ts';
import type { Caller } from '../../server/tunnel/caller.ts';
import { createDurableCalls } from '../../server/tunnel/durable.ts';
import { createInflating } from '../../server/tunnel/inflate.ts';
import { ContactError } from '../../shared/errors.ts';
import type { Pair } from '../../tunnel/frame.ts';
import { createFakeClock } from '../scene/clock.ts';

/** A call whose caller has said all, and a store that answers when the test does. */
function beginCall(more: readonly Pair[] = []) {
  const heard: string[] = [];
  const storing = Promise.withResolvers<StoredCall>();
  let forgottenCount = 0;
  const caller: Caller = {
    method: 'p.S/M',
    metadata: [{ key: 'contact-mode', value: 'durable' }, ...more],
    timeoutMs: 0,
    encoding: 'identity',
    peer: 'here',
    who: ANONYMOUS,
    read: () => undefined,
    headers: (pairs) => void heard.push(`headers ${pairs.map(({ value }) => value)}`),
    chunk: ({ bytes }) => void heard.push(`message ${bytes}`),
    hold: () => undefined,
    giveBack: () => undefined,
    end: ({ code }) => void heard.push(`end ${code}`),
  };
  const clock = createFakeClock();
  const answer = (): Promise<StoredCall> => storing.promise;
  const stores = { keep: answer, find: answer };
  const calls = createDurableCalls({
    ...stores,
    kindOf: () => undefined,
    inflate: createInflating(1_000),
    clock,
    maxPayloadBytes: 1_000,
  });
  const call = calls.begin(caller);
  call.piece({
    bytes: Buffer.from('hi'),
    messageBytes: 2,
    isLast: true,
    isCompressed: false,
    onTaken: () => undefined,
  });
  call.halfClosed();
  return {
    call,
    heard,
    get forgottenCount() {
      return forgottenCount;
    },
    refuse: (error: unknown) => storing.reject(error),
    store: (settled: Promise<ResultRecord> = new Promise(() => undefined)) =>
      storing.resolve({
        id: 'the-task',
        settled,
        forget: () => {
          forgottenCount += 1;
        },
      }),
  };
}

/** Lets all that is settled be heard. */
const turn = (): Promise<void> => new Promise((resolve) => setImmediate(resolve));

const DETACHED: Pair = { key: 'contact-detach', value: '1' };

describe('a durable call', () => {
  it('is answered once it is stored, and not when it is not', async () => {
    const stored = beginCall([DETACHED]);
    const refused = beginCall([DETACHED]);
    await turn();
    assert.deepEqual([stored.heard, refused.heard], [[], []]);
    stored.store();
    refused.refuse(new ContactError('RESOURCE_EXHAUSTED', 'the disk is full'));
    await turn();
    assert.deepEqual(stored.heard, ['headers the-task', 'message ', 'end 0']);
    assert.deepEqual(refused.heard, ['end 8']);
  });

  it('is told the id of its task before the answer is there', async () => {
    const waiting = beginCall();
    const settled = Promise.withResolvers<ResultRecord>();
    waiting.store(settled.promise);
    await turn();
    assert.deepEqual(waiting.heard, ['headers the-task']);
    settled.resolve({ state: 'succeeded', result: Buffer.from('done') } as Partial<ResultRecord> as ResultRecord);
    await turn();
    assert.deepEqual(waiting.heard, ['headers the-task', 'message done', 'end 0']);
  });

  const ENDS: readonly (readonly [state: ResultRecord['state'], code: string, expected: number])[] = [
    ['cancelled', '', 1],
    ['expired', '', 4],
    ['failed', 'TIMEOUT', 4],
    ['failed', 'LOST', 10],
    ['failed', 'RELEASED', 10],
    ['failed', 'TOO_LARGE', 8],
    ['failed', 'INVALID_PAYLOAD', 13],
    ['failed', 'INVALID_RESULT', 13],
    ['failed', 'NOT_FOUND', 5],
    ['failed', 'OK', 2],
    ['failed', 'constructor', 2],
    ['failed', 'MY_OWN', 2],
  ];
  for (const [state, code, expected] of ENDS) {
    it(`ends with ${expected} when its task has ${state} ${code}`, async () => {
      const waiting = beginCall();
      const error = { code, message: 'so it ended' };
      waiting.store(Promise.resolve({ state, error } as Partial<ResultRecord> as ResultRecord));
      await turn();
      assert.deepEqual(waiting.heard, ['headers the-task', `end ${expected}`]);
    });
  }

  it('is forgotten, and stays stored, when its caller has gone meanwhile', async () => {
    const gone = beginCall();
    gone.call.gone();
    assert.deepEqual(gone.heard, ['end 1']);
    gone.store();
    await turn();
    assert.deepEqual([gone.heard, gone.forgottenCount], [['end 1'], 1]);
  });
});
