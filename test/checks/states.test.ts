import assert from 'node:assert/strict';
import { readFileSync } from 'node:fs';
import { join } from 'node:path';
import { renderStates } from '../../scripts/states.ts';
import { ROOT } from '../../scripts/tool.ts';

describe('docs/states.md', () => {
  it('is drawn from the tables of a task and of a session', () => {
    assert.equal(readFileSync(join(ROOT, 'docs', 'states.md'), 'utf8'), renderStates());
  });
});
