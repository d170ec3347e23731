import assert from 'node:assert/strict';
import { Buffer } from 'node:buffer';
import { Inbox } from '../../client/serve/inbox.ts';
import { costOf } from '../../tunnel/window.ts';
import { measureMemory } from '../scene/memory.ts';

const COUNT = 200_000;

/** A message in parts of these lengths. */
function addMessage(inbox: Inbox, message: Buffer, lengths: readonly number[]): void {
  let at = 0;
  for (const length of lengths) {
    const bytes = message.subarray(at, at + length);
    const isFirst = at === 0;
    at += length;
    const isLast = at === message.byteLength;
    const about = { messageBytes: message.byteLength, isCompressed: false, cost: costOf(length, isLast) };
    inbox.add({ bytes, isFirst, isLast, ...about });
  }
}

describe('the inbox of a call', () => {
  it('puts messages together whatever their parts are, and gives back what they cost', async () => {
    let given = 0;
    const inbox = new Inbox((cost) => {
      given += cost;
    });
    const message = Buffer.alloc(300_000, 'abcdefghijklmnopqrstuvwxyz0');
    const small = Array.from({ length: 300_000 }, () => 1);
    const mixed = [
      1, 1_023, 1_024, 5, 8_000, 7_000, 1_000, 1_000, 1_000, 1_000, 1_000, 1_000, 946, 1_000, 5_000, 1, 270_000,
    ];
    for (const lengths of [small, mixed, [300_000]]) addMessage(inbox, message, lengths);
    addMessage(inbox, message.subarray(0, 5), [5]);
    for (let n = 0; n < 3; n++) assert.deepEqual(await inbox.next(), message);
    assert.deepEqual(await inbox.next(), message.subarray(0, 5));
    assert.equal(given, 3 * costOf(300_000, true) + costOf(5, true));
  });

  it('keeps of a message in parts of a byte hardly more than its bytes', async () => {
    const inbox = new Inbox(() => undefined);
    const about = { isLast: false, messageBytes: 1 << 20, isCompressed: false, cost: 1 };
    const byte = Buffer.alloc(1);
    const before = await measureMemory();
    for (let n = 0; n < COUNT; n++) inbox.add({ bytes: byte, isFirst: n === 0, ...about });
    const held = (await measureMemory()) - before;
    assert.ok(held < 5 * COUNT, `${held} bytes`);
    inbox.end();
  });
});
