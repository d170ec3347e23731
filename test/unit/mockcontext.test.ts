import assert from 'node:assert/strict';
import type { Handler } from '../../client/index.ts';
import { ContactError } from '../../shared/errors.ts';
import { isTaskId } from '../../shared/ids.ts';
import { mockContext } from '../../testing/index.ts';

describe('mockContext()', () => {
  it('is the context of a first attempt, with what is said over it', () => {
    const context = mockContext();
    assert.ok(isTaskId(context.taskId));
    assert.deepEqual([context.queue, context.attempt, context.delivery, context.maxAttempts], ['test', 1, 1, 5]);
    assert.deepEqual([context.metadata, context.contentType, context.checkpoint], [{}, 'application/json', null]);
    const checkpoint = new Uint8Array([1]);
    const later = mockContext({ queue: 'mails', attempt: 2, metadata: { a: 'b' }, checkpoint });
    assert.deepEqual([later.queue, later.attempt, later.delivery], ['mails', 2, 2]);
    assert.deepEqual([later.metadata, later.checkpoint], [{ a: 'b' }, checkpoint]);
  });

  it('keeps what a handler says, which may take it apart', async () => {
    const context = mockContext();
    const handler: Handler<string[], number> = (lines, { progress, saveCheckpoint, log }) => {
      lines.forEach((line, at) => {
        progress((at + 1) / lines.length, line);
        saveCheckpoint(new TextEncoder().encode(line));
        log(line);
      });
      log('x'.repeat(2_000), 'warn');
      return lines.length;
    };
    assert.equal(await handler(['a', 'b'], context), 2);
    assert.deepEqual(context.progressed, [
      { fraction: 0.5, message: 'a' },
      { fraction: 1, message: 'b' },
    ]);
    assert.deepEqual(
      context.checkpoints.map((bytes) => new TextDecoder().decode(bytes)),
      ['a', 'b'],
    );
    assert.deepEqual(context.logged, [
      { level: 'info', text: 'a' },
      { level: 'info', text: 'b' },
      { level: 'warn', text: `${'x'.repeat(1_021)}…` },
    ]);
  });

  it('refuses what the context of a worker refuses', () => {
    const { progress, saveCheckpoint, log } = mockContext();
    assert.throws(() => progress('half' as never), { code: 'INVALID_ARGUMENT', field: 'fraction' });
    assert.throws(() => saveCheckpoint(new Uint8Array(64 * 1024 + 1)), {
      code: 'INVALID_ARGUMENT',
      field: 'checkpoint',
    });
    assert.throws(() => log('x', 'loud' as never), { code: 'INVALID_ARGUMENT', field: 'level' });
    assert.throws(() => saveCheckpoint('x' as never), { code: 'INVALID_ARGUMENT', field: 'checkpoint' });
  });

  it('is aborted by the test, as by a cancel', () => {
    const context = mockContext();
    const { signal } = context;
    assert.equal(signal.aborted, false);
    context.abort('the robot is away');
    assert.ok(signal.reason instanceof ContactError);
    assert.deepEqual([signal.reason.code, signal.reason.message], ['CANCELLED', 'the robot is away']);
  });

  it('refuses an option that is wrong by its name', () => {
    for (const [field, value] of Object.entries({ attempt: 0, queue: '', checkpoint: 'x', metadata: { a: 1 }, odd: 1 }))
      assert.throws(() => mockContext({ [field]: value }), { code: 'INVALID_ARGUMENT' }, field);
  });
});
