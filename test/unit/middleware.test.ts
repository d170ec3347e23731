import assert from 'node:assert/strict';
import { createMiddlewares } from '../../client/define/middleware.ts';
import type { TaskContext } from '../../client/index.ts';
import { refuseNode } from '../../client/process/age.ts';

const CONTEXT = { queue: 'q' } as TaskContext;

describe('createMiddlewares()', () => {
  it('runs them around the handler, the first around all others', async () => {
    const seen: string[] = [];
    const middlewares = createMiddlewares([
      async (payload, { queue }, next) => {
        seen.push(`first ${payload} ${queue}`);
        const result = await next();
        seen.push(`first ${result}`);
        return `${result}!`;
      },
    ]);
    middlewares.add(async (_payload, _context, next) => {
      seen.push('second');
      return next();
    });
    const handler = middlewares.around((text: string) => text.toUpperCase());
    assert.equal(await handler('a', CONTEXT), 'A!');
    assert.deepEqual(seen, ['first a q', 'second', 'first A']);
  });

  it('lets one answer by itself, and one see what the handler throws', async () => {
    let calls = 0;
    const count = () => {
      calls += 1;
      throw new Error('broken');
    };
    const short = createMiddlewares([() => 'short']).around(count);
    assert.equal(await short('a', CONTEXT), 'short');
    assert.equal(calls, 0);
    const catching = createMiddlewares([
      (_payload, _context, next) => next().catch(({ message }) => `caught ${message}`),
    ]);
    assert.equal(await catching.around(count)('a', CONTEXT), 'caught broken');
  });

  it('runs a handler once, whatever a middleware does', async () => {
    let calls = 0;
    const twice = createMiddlewares([
      async (_payload, _context, next) => {
        await next();
        return next();
      },
    ]).around(() => {
      calls += 1;
    });
    await assert.rejects(async () => twice('a', CONTEXT), /called twice/);
    assert.equal(calls, 1);
  });

  it('takes functions, at most 100', () => {
    const middlewares = createMiddlewares(Array.from({ length: 100 }, () => () => 1));
    assert.throws(() => middlewares.add(() => 1), { field: 'use' });
    assert.throws(() => createMiddlewares().add(1 as never), { field: 'middleware' });
  });
});

describe('refuseNode()', () => {
  it('says what is needed where Node is too old', () => {
    for (const version of ['20.19.0', '22.17.1'])
      assert.match(refuseNode(version) ?? '', /needs Node\.js 22\.18 or newer/);
    for (const version of ['22.18.0', '24.0.0', '100.1.1']) assert.equal(refuseNode(version), undefined);
  });
});
