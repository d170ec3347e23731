import assert from 'node:assert/strict';
import { join } from 'node:path';
import { describe, it } from 'mocha';
import { createCaller } from '../../client/index.ts';
import { Echo } from '../echo/gen/echo_pb.ts';
import { createCaller as createPlainCaller, startCallee, untilServed } from '../scene/callers.ts';
import { createEcho } from '../scene/echo.ts';
import { closeScene, use } from '../scene/end.ts';
import { createFolder } from '../scene/folder.ts';
import { cleanUpProcesses, startServer } from '../scene/process.ts';
import { connectTo } from '../scene/server.ts';
import { until } from '../scene/until.ts';

const DURABLE = { 'contact-mode': 'durable' };
const KEPT = 20;
const bodyOf = (text: string) => ({ body: Buffer.from(text) });
const textOf = ({ body }: { readonly body: Uint8Array }): string => Buffer.from(body).toString();

describe('durable calls', () => {
  cleanUpProcesses();
  afterEach(closeScene);

  it('survive kill -9 of the server: those that wait, one that runs, and its answer', async function () {
    this.timeout(120_000);
    const store = `sqlite:${join(createFolder(), 'contact.db')}`;
    const server = await startServer({ store });
    const { address } = server;
    const caller = createPlainCaller(address);
    const bodies = Array.from({ length: KEPT }, (_, at) => `kept ${at}`);
    const kept = await Promise.all(
      bodies.map((body) => caller.unary(body, { metadata: { ...DURABLE, 'contact-detach': '1' } })),
    );
    assert.ok(kept.every(({ code, headers }) => code === 0 && 'contact-task' in headers));
    await server.kill();

    const again = await startServer({ store, listen: address });
    const ran: string[] = [];
    const begun = Promise.withResolvers<void>();
    const finish = Promise.withResolvers<void>();
    const handlers = {
      ...createEcho(),
      async unary({ body }: { body: Uint8Array }) {
        const text = Buffer.from(body).toString();
        if (text !== '') ran.push(text);
        if (text === 'long') {
          begun.resolve();
          await finish.promise;
        }
        return { body };
      },
    };
    await startCallee(address, handlers, { concurrency: 4 });
    await until('all that were kept ran', () => ran.length === KEPT, 30_000);
    assert.deepEqual(ran.toSorted(), bodies.toSorted());

    const lost = createPlainCaller(address).unary('long', { metadata: { ...DURABLE, 'contact-key': 'one' } });
    await begun.promise;
    await again.kill();
    assert.equal((await lost).code, 14, 'its caller is told that the server has gone');
    const last = await startServer({ store, listen: address });
    await untilServed(address);
    const same = createPlainCaller(address).unary('long', { metadata: { ...DURABLE, 'contact-key': 'one' } });
    finish.resolve();
    assert.deepEqual((await same).bodies, ['long']);
    assert.equal(ran.filter((text) => text === 'long').length, 1, 'it goes on where it was');
    await closeScene();
    await last.stop();
  });

  it('are answered to stubs that waited all the while, and to one that comes later, over kill -9 of the server', async function () {
    this.timeout(120_000);
    const store = `sqlite:${join(createFolder(), 'contact.db')}`;
    const server = await startServer({ store });
    const { address } = server;
    const patient = use(createCaller({ ...connectTo(address), deadlineMs: 100_000 }));
    const { unary } = Echo.method;
    const told = Promise.withResolvers<string>();
    const waiting = patient.stub(Echo).unary(bodyOf('first'), { mode: 'durable', onTask: told.resolve });
    const kept = await patient.keep(unary, bodyOf('second'));
    const second = kept.answer();
    await told.promise;
    await server.kill();

    const again = await startServer({ store, listen: address });
    const handlers = {
      ...createEcho(),
      unary: ({ body }: { body: Uint8Array }) => ({ body: Buffer.from(body).reverse() }),
    };
    await startCallee(address, handlers, { concurrency: 2 });
    assert.deepEqual([await waiting, await second].map(textOf), ['tsrif', 'dnoces']);
    await again.kill();

    const last = await startServer({ store, listen: address });
    const later = use(createCaller({ ...connectTo(address), deadlineMs: 100_000 }));
    assert.equal(textOf(await later.answer(unary, await told.promise)), 'tsrif');
    await closeScene();
    await last.stop();
  });
});
