import assert from 'node:assert/strict';
import { join } from 'node:path';
import { ROOT } from '../../scripts/tool.ts';
import { readTree } from '../../scripts/tree.ts';

/** A text that begins with a field written by hand: whoever reads the error would have to take it apart again. */
const BY_HAND = /['`](?:tasks\[\d+\]\.)?([a-z_-]+): [^'`]/;
/** Words in front of what is about no field: a place in the program, a header of HTTP, a failure of a task. */
const TOPICS = new Set(['contact', 'store', 'gap', 'grpc-encoding', 'grpc-timeout', 'payload', 'result']);

describe('errors that name a field', () => {
  it('have it as data, in every folder', () => {
    const found: string[] = [];
    for (const folder of ['server', 'shared', 'client']) {
      for (const [path, text] of readTree(join(ROOT, folder))) {
        if (!text.includes('ContactError')) continue;
        for (const line of text.split('\n')) {
          const word = /^\s*(\*|\/)/.test(line) ? undefined : BY_HAND.exec(line)?.[1];
          if (word && !TOPICS.has(word)) found.push(`${folder}/${path}: ${line.trim()}`);
        }
      }
    }
    assert.deepEqual(found, []);
  });
});
