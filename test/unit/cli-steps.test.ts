import assert from 'node:assert/strict';
import { Writable } from 'node:stream';
import { runSteps, type Step } from '../../cli/steps.ts';

/** A terminal, or what is none. */
function createScreen(): { readonly screen: Writable; text(): string } {
  let text = '';
  const screen = new Writable({
    write(chunk: Buffer, _encoding, done) {
      text += chunk.toString();
      done();
    },
  });
  return { screen: Object.assign(screen, { isTTY: true, columns: 100 }), text: () => text };
}

/** Steps of 5 tasks, of which there are so many. */
function createSteps(total: number): () => Promise<Step> {
  let left = total;
  return async () => {
    // The bar draws ten times a second.
    await new Promise((resolve) => setTimeout(resolve, 120));
    const count = Math.min(5, left);
    left -= count;
    return { count, isLast: left === 0 };
  };
}

describe('runSteps()', () => {
  it('goes on until nothing is left, and shows on a terminal how far it has got', async () => {
    const { screen, text } = createScreen();
    const done = await runSteps(createSteps(15), { screen }, { total: 15, shownAfterMs: 0 });
    assert.deepEqual(done, { count: 15 });
    assert.match(text(), /33% \| 5 of 15 tasks \| 0 s/);
    assert.match(text(), /66% \| 10 of 15 tasks \| 0 s/);
  });

  it('shows no more than it knows, where nobody has counted', async () => {
    const { screen, text } = createScreen();
    await runSteps(createSteps(10), { screen }, { total: undefined, shownAfterMs: 0 });
    assert.match(text(), /5 tasks \| 0 s/);
    assert.doesNotMatch(text(), /%/);
  });

  it('shows nothing of what is over within a second', async () => {
    const { screen, text } = createScreen();
    await runSteps(createSteps(10), { screen }, { total: 10 });
    assert.equal(text(), '');
  });

  it('shows nothing where there is no terminal', async () => {
    assert.deepEqual(await runSteps(createSteps(10), { screen: null }, { total: 10, shownAfterMs: 0 }), { count: 10 });
  });

  it('ends with the step under way when somebody stops it, and a second time is not its business', async () => {
    const steps = createSteps(100);
    const before = process.listenerCount('SIGINT');
    let stepped = 0;
    const done = await runSteps(
      async () => {
        stepped += 1;
        if (stepped === 2) process.emit('SIGINT', 'SIGINT');
        return steps();
      },
      { screen: null },
      { total: 100 },
    );
    assert.deepEqual(done, { count: 10, signal: 'SIGINT' });
    assert.equal(process.listenerCount('SIGINT'), before);
  });

  it('fails as its step fails, and leaves no listener', async () => {
    const before = process.listenerCount('SIGINT');
    const failing = () => Promise.reject(new Error('no'));
    await assert.rejects(runSteps(failing, { screen: null }, { total: 1 }), /no/);
    assert.equal(process.listenerCount('SIGINT'), before);
  });
});
