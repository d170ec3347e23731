import assert from 'node:assert/strict';
import { readFileSync } from 'node:fs';
import { join } from 'node:path';
import { ROOT } from '../../scripts/tool.ts';
import { PROXY_KINDS } from '../scene/realproxies.ts';

const linesOf = (text: string): string[] =>
  text
    .split('\n')
    .map((line) => line.trim())
    .filter((line) => line !== '');

describe('docs/proxies.md', () => {
  const text = readFileSync(join(ROOT, 'docs', 'proxies.md'), 'utf8');
  const blocks = [...text.matchAll(/^```(?:nginx|haproxy)\n([\s\S]*?)^```$/gm)].map(([, block = '']) => block);

  it('has a configuration for each proxy of the tests', () => {
    assert.equal(blocks.length, PROXY_KINDS.length);
  });

  PROXY_KINDS.forEach(({ title, configure }, at) => {
    it(`shows what the tests run: ${title}`, () => {
      // The tests do not wait as long for old processes.
      const shown = linesOf(blocks[at] ?? '').map((line) =>
        line.replace(/^(worker_shutdown_timeout|hard-stop-after) 10s/, '$1 1s'),
      );
      const run = linesOf(configure(50_050, '127.0.0.1:50051', '/tmp', 60));
      const missing = shown.filter((line) => !run.includes(line));
      assert.deepEqual(missing, []);
    });
  });
});
