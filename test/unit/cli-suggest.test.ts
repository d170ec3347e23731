import assert from 'node:assert/strict';
import { PassThrough } from 'node:stream';
import { suggest } from '../../cli/completion/suggest.ts';
import { createContext } from '../../cli/context.ts';
import { createOutput } from '../../cli/output.ts';
import { createProgram } from '../../cli/program.ts';

describe('suggest()', () => {
  async function find(words: readonly string[], names: readonly string[] = []): Promise<readonly string[]> {
    const out = createOutput(new PassThrough());
    const program = await createProgram(createContext({ out, err: new PassThrough(), rest: undefined }));
    const { found } = await suggest(words, program, async () => names);
    return found.map(({ value }) => value);
  }

  it('offers no name that a shell would not take as it is', async () => {
    const names = ['$(reboot)', '`reboot`', 'a b', 'a;b', '~root', '-rf', 'a\nb', '*', "it's", 'sums', 'a:b/c.d'];
    assert.deepEqual(await find(['queues', 'pause', ''], names), ['sums', 'a:b/c.d']);
  });

  it('offers each once, and no more than 200', async () => {
    const names = Array.from({ length: 1_000 }, (_, at) => `q${at}`);
    assert.equal((await find(['enqueue', ''], [...names, ...names])).length, 200);
    assert.deepEqual(await find(['enqueue', 'q99'], [...names, ...names]), ['q99', ...names.slice(990)]);
  });

  it('looks up nothing where no name is wanted', async () => {
    assert.deepEqual(await find(['tasks', 'list', '--json', '--limit', ''], ['sums']), []);
    assert.deepEqual(await find(['enqueue', 'sums', ''], ['sums']), []);
  });
});
