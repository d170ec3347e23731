import assert from 'node:assert/strict';
import { Buffer } from 'node:buffer';
import { Inbox } from '../../client/serve/inbox.ts';
import type { Chunk } from '../../tunnel/chunks.ts';
import { plainEnd } from '../../tunnel/frame.ts';
import { nextPhase, type Part, type Phase } from '../../tunnel/life.ts';
import { createEnd, piece } from './tunnel-end.ts';

describe('a tunnel at the callee', () => {
  it('answers a fault with an end, and tells the call that it is over', () => {
    const end = createEnd('callee');
    end.hear({ open: { method: 'p.S/M', metadata: [], timeoutMs: 0 }, halfClose: true });
    end.hear({ data: Buffer.alloc(1) });
    end.turn();
    assert.deepEqual(end.heard, ['half-closed', 'cancelled']);
    assert.equal(end.said.at(-1)!.end?.code, 13);
  });

  it('counts a number that was used before as a fault, and opens nothing', () => {
    const end = createEnd('callee');
    const open = { method: 'p.S/M', metadata: [], timeoutMs: 0 };
    end.hear({ call: 2, open });
    end.hear({ call: 1, open });
    assert.deepEqual(
      end.calls.map(({ id }) => id),
      [2],
    );
  });

  it('lets the first of end and cancel win', () => {
    const end = createEnd('callee');
    const open = { method: 'p.S/M', metadata: [], timeoutMs: 0 };
    end.hear({ call: 1, open });
    end.calls[0]!.end(plainEnd(0, ''));
    end.hear({ call: 1, cancel: true });
    end.turn();
    assert.deepEqual([end.heard, end.said], [['cancelled'], []]);
    end.hear({ call: 2, open });
    end.calls[1]!.end(plainEnd(0, ''));
    end.turn();
    end.hear({ call: 2, cancel: true });
    assert.deepEqual(end.heard, ['cancelled']);
    assert.deepEqual([end.said.length, end.said[0]!.end], [1, plainEnd(0, '')]);
  });

  it('sends an end after all that was said before', () => {
    const end = createEnd('callee');
    end.hear({ open: { method: 'p.S/M', metadata: [], timeoutMs: 0 } });
    const call = end.calls[0]!;
    call.headers([]);
    call.send(piece(Buffer.alloc(20_000)));
    call.end(plainEnd(5, 'no'));
    end.turn();
    const parts = end.said.map(({ headers, data, end: last }) => [headers !== undefined, data?.byteLength, last?.code]);
    assert.deepEqual(parts, [
      [true, 16_384, undefined],
      [false, 3_616, 5],
    ]);
  });
});

describe('the life of a call', () => {
  it('knows nothing after its end', () => {
    const parts: readonly Part[] = ['headers', 'chunk', 'half_close', 'end', 'cancel'];
    for (const part of parts) assert.equal(nextPhase('over', part), undefined);
    const phases: readonly Phase[] = ['messages', 'half-closed', 'unanswered', 'answering'];
    for (const phase of phases)
      assert.ok(
        parts.some((part) => nextPhase(phase, part) === 'over'),
        phase,
      );
  });
});

describe('an inbox', () => {
  const chunk = (bytes: string, isFirst: boolean, isLast: boolean, messageBytes = 4): Chunk => ({
    bytes: Buffer.from(bytes),
    isFirst,
    isLast,
    messageBytes,
    isCompressed: false,
    cost: bytes.length + (isLast ? 32 : 0),
  });

  it('gives nothing back of a message that nobody waits for, and each chunk of one that somebody does', async () => {
    let given = 0;
    const inbox = new Inbox((cost) => {
      given += cost;
    });
    inbox.add(chunk('ab', true, false));
    assert.equal(given, 0);
    const first = inbox.next();
    assert.equal(given, 2, 'what had come is given back as soon as somebody waits');
    inbox.add(chunk('cd', false, true));
    assert.equal(String(await first), 'abcd');
    assert.equal(given, 36);
    inbox.add(chunk('ef', true, true, 2));
    assert.equal(given, 36, 'a whole one too waits for its taker');
    assert.equal(String(await inbox.next()), 'ef');
    assert.equal(given, 70);
    inbox.end();
    assert.equal(await inbox.next(), undefined);
  });

  it('keeps nothing of the batch that a chunk came in', async () => {
    const inbox = new Inbox(() => undefined);
    const batch = Buffer.from('abcd');
    inbox.add({ ...chunk('abcd', true, true), bytes: batch });
    batch.fill(0);
    assert.equal(String(await inbox.next()), 'abcd');
  });

  it('puts together what is larger than a window, and what comes after it', async () => {
    const inbox = new Inbox(() => undefined);
    const messageBytes = 300_000;
    const bytes = Buffer.alloc(messageBytes / 20, 'x');
    for (let at = 0; at < 20; at += 1) {
      inbox.add({ bytes, isFirst: at === 0, isLast: at === 19, messageBytes, isCompressed: false, cost: 1 });
    }
    inbox.add(chunk('gh', true, false));
    inbox.add(chunk('ij', false, true));
    assert.deepEqual(await inbox.next(), Buffer.alloc(messageBytes, 'x'));
    assert.equal(String(await inbox.next()), 'ghij');
  });

  it('tells who waits, and who asks later, why it failed', async () => {
    const inbox = new Inbox(() => undefined);
    const waiting = inbox.next();
    inbox.fail(new Error('gone'));
    await assert.rejects(waiting, /gone/);
    await assert.rejects(inbox.next(), /gone/);
  });
});
