import assert from 'node:assert/strict';
import { Buffer } from 'node:buffer';
import { silentLogger } from '../../client/options.ts';
import { runCall } from '../../client/serve/run.ts';
import type { AnyHandler, CallContext } from '../../client/serve/service.ts';
import { systemClock } from '../../shared/clock.ts';
import { plainEnd } from '../../tunnel/frame.ts';
import { createEnd } from './tunnel-end.ts';

const turnOfLoop = (): Promise<void> => new Promise((resolve) => setImmediate(resolve));

/** A call with one request, which has come. */
function begin(handler: (request: unknown, context: CallContext) => unknown, hasOneAnswer: boolean) {
  const end = createEnd('callee');
  const open = { method: 'p.S/M', metadata: [{ key: 'contact-caller', value: 'me' }], timeoutMs: 0 };
  end.hear({ open });
  const asItIs = (bytes: unknown): Buffer => bytes as Buffer;
  const method = { hasOneRequest: true, hasOneAnswer, decode: asItIs, encode: asItIs, handler: handler as AnyHandler };
  let isOver = false;
  runCall(end.calls[0]!, open, method, { clock: systemClock, logger: silentLogger }, () => {
    isOver = true;
  });
  end.hear({ data: Buffer.from('a'), halfClose: true });
  return { ...end, isOver: () => isOver };
}

describe('runCall()', () => {
  it('says the answer of a unary call and its status in one frame, after which it is over', async () => {
    const { said, turn, isOver } = begin(() => Buffer.from('b'), true);
    await turnOfLoop();
    assert.equal(isOver(), false, 'what it has said has not left');
    turn();
    await turnOfLoop();
    const parts = said.map(({ data, end }) => [data?.toString(), end]);
    assert.deepEqual(parts, [['b', plainEnd(0, 'OK')]]);
    assert.equal(isOver(), true);
  });

  it('asks the handler of a stream for no more while 128 KiB of its answers wait', async () => {
    let asked = 0;
    async function* answer(): AsyncGenerator<Buffer> {
      for (; asked < 100_000; asked += 1) yield Buffer.alloc(100);
    }
    const { turn, said, tunnel } = begin(answer, false);
    await turnOfLoop();
    assert.equal(asked, Math.ceil(131_072 / 132) - 1, 'and the one that it is at');
    turn();
    await turnOfLoop();
    assert.ok(said.length > 100);
    assert.equal(asked, said.length + Math.ceil(131_072 / 132) - 1);
    tunnel.close();
  });

  it('tells a handler that looks for it only after the call was lost', async () => {
    const heard: unknown[] = [];
    const { promise: looked, resolve: look } = Promise.withResolvers<void>();
    const { tunnel, isOver } = begin(async (_, context) => {
      await looked;
      heard.push(context.signal.aborted, context.caller, context.deadline, context.metadata.toJSON());
    }, true);
    await turnOfLoop();
    tunnel.close();
    look();
    await turnOfLoop();
    assert.deepEqual(heard, [true, 'me', undefined, {}]);
    assert.equal(isOver(), true);
  });
});
