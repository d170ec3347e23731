import assert from 'node:assert/strict';
import { join } from 'node:path';
import { ROOT } from '../../scripts/tool.ts';
import { readTree } from '../../scripts/tree.ts';

/** A plain object that is made to be asked by whatever word: it has `constructor` and `__proto__` before anybody says so. */
const TABLE = /^.*\b(\w+): (?:Readonly<)?Record<string, .*> = \{(?! \.\.\.).*$/gm;
/** Tables that are asked by the names of the contract's own types alone. */
const CLOSED = new Set(['wire/fields.ts: FIELDS']);

describe('tables that are asked by any word', () => {
  it('are maps, since a plain object knows some words by itself', () => {
    const found: string[] = [];
    for (const folder of ['server', 'shared', 'tunnel', 'wire', 'client', 'cli', 'testing']) {
      for (const [path, text] of readTree(join(ROOT, folder))) {
        for (const [, name] of text.matchAll(TABLE)) found.push(`${folder}/${path}: ${name}`);
      }
    }
    assert.deepEqual(
      found.filter((one) => !CLOSED.has(one)),
      [],
    );
    assert.ok(found.length > 0, 'the check finds tables');
  });
});
