import assert from 'node:assert/strict';
import { createHash } from 'node:crypto';
import { readFileSync } from 'node:fs';
import { join } from 'node:path';
import { ROOT } from '../../scripts/tool.ts';

describe('proto/contact.proto', () => {
  it('never changes', () => {
    const bytes = readFileSync(join(ROOT, 'proto', 'contact.proto'));
    assert.equal(
      createHash('sha256').update(bytes).digest('hex'),
      'c788580ab107dfc2a019d4af7447a1b3850a18c066d3ed47718ada2cd51734e7',
      'clients that nobody will generate again depend on every byte of the classic contract',
    );
  });
});
