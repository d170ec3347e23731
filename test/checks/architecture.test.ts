import assert from 'node:assert/strict';
import { existsSync, readdirSync, readFileSync } from 'node:fs';
import { join } from 'node:path';
import { replaceRooms } from '../../scripts/rooms.ts';
import { ROOT } from '../../scripts/tool.ts';

describe('docs/architecture.md', () => {
  const page = readFileSync(join(ROOT, 'docs', 'architecture.md'), 'utf8');

  it('has the table of rooms that imports are checked by', () => {
    assert.equal(page, replaceRooms(page));
  });

  it('names every folder of tests and no other', () => {
    const row = /^\| `test\/` \|.*$/m.exec(page)?.[0] ?? '';
    const named = [...row.matchAll(/`(\w+)`/g)].map(([, name]) => name!).toSorted();
    const found = readdirSync(join(ROOT, 'test'), { withFileTypes: true });
    assert.deepEqual(named, found.flatMap((one) => (one.isDirectory() ? [one.name] : [])).toSorted());
  });

  it('walks along files that are there, and names what they have', () => {
    const hops = [...page.matchAll(/`([a-z]+\/\w+\.ts):\s+([\w$]+)`/g)].map(
      ([, file, name]) => [file!, name!] as const,
    );
    assert.ok(hops.length > 20);
    const missing = hops.filter(([file, name]) => {
      const path = join(ROOT, 'server', file);
      return !existsSync(path) || !new RegExp(`\\b${name.replace('$', '\\$')}(?!\\w)`).test(readFileSync(path, 'utf8'));
    });
    assert.deepEqual(missing, []);
  });
});
