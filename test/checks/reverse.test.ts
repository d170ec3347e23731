import assert from 'node:assert/strict';
import { existsSync, readFileSync } from 'node:fs';
import { join } from 'node:path';
import { ROOT } from '../../scripts/tool.ts';
import { isTitleIn } from './limits.ts';

const read = (path: string): string => readFileSync(join(ROOT, path), 'utf8');

describe('docs/reverse.md', () => {
  const page = read('docs/reverse.md');

  it('names a test that there is, for every rule', () => {
    const section = page.slice(page.indexOf('## Rules'), page.indexOf('## What a caller is told'));
    const rows = section.split('\n').filter((line) => line.startsWith('| ') && !line.startsWith('| what |'));
    assert.ok(rows.length >= 15);
    for (const row of rows) {
      const [, file, title] = /\| `(test\/[^`]+\.ts)`: (.+) \|$/.exec(row) ?? [];
      assert.ok(file !== undefined && title !== undefined, row);
      assert.ok(isTitleIn(title, read(file)), `${file} has no test with the title ${title}`);
    }
  });

  it('leads to what there is', () => {
    for (const [, path] of page.matchAll(/\]\(([^)#]+)\)/g)) assert.ok(existsSync(join(ROOT, 'docs', path!)), path);
  });

  it('names metadata that the contract knows', () => {
    const contract = read('proto/contact/v1/reverse.proto') + read('proto/contact/v1/contact.proto');
    for (const [, key] of page.matchAll(/`(contact-[a-z-]+)[:`]/g)) assert.ok(contract.includes(key!), key);
  });
});
