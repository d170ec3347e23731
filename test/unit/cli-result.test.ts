import assert from 'node:assert/strict';
import { describe, it } from 'mocha';
import { resultToLine } from '../../cli/result.ts';
import type { TaskResult } from '../../client/index.ts';

describe('resultToLine()', () => {
  it('shows every field of a strange server without what a terminal would obey or hide', () => {
    const hostile = '\u001b]0;t\u0007\u009b2J\u007f\u202e\u200b\u{e0041}\t\r\n';
    const at = new Date(0);
    const names = { taskId: hostile, queue: hostile, clientId: hostile, cursor: hostile, contentType: hostile };
    const error = { code: hostile, message: hostile };
    const result = { ...names, error, state: 'failed', attempt: 1, createdAt: at, claimedAt: at, settledAt: at };
    const fields = resultToLine(result as unknown as TaskResult).split('\t');
    assert.equal(fields.length, 11);
    for (const field of fields) assert.doesNotMatch(field, /[\p{Cc}\p{Cf}]/u);
  });
});
