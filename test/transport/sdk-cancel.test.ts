import { createAdmin, createCaller, createObserver, createProducer } from '../../client/index.ts';
import { Echo } from '../echo/gen/echo_pb.ts';
import { startCallee } from '../scene/callers.ts';
import { closeScene, use } from '../scene/end.ts';
import { connectTo, startScene } from '../scene/server.ts';
import { until } from '../scene/until.ts';

const MAX_OPEN = 8;

describe('a call that is cancelled in the turn in which it was made', () => {
  afterEach(closeScene);

  /** Makes more calls than may be open, each cancelled at once, and sees that others still find a place. */
  async function leaveNone(
    begin: (signal: AbortSignal) => Promise<unknown>,
    another: () => Promise<unknown>,
  ): Promise<void> {
    for (let at = 0; at < 8 * MAX_OPEN; at++) {
      const cancelling = new AbortController();
      const ended = begin(cancelling.signal).catch(() => undefined);
      // At once, or some promises later, which is still the same turn.
      for (let later = 0; later < at % 16; later++) await Promise.resolve();
      cancelling.abort();
      await ended;
    }
    await until('others find a place', async () => {
      const all = await Promise.allSettled(Array.from({ length: MAX_OPEN / 2 }, another));
      return all.every(({ status }) => status === 'fulfilled');
    });
  }

  it('is none to the server: a watched task', async () => {
    const { address } = await startScene({ maxOpenCalls: MAX_OPEN });
    const admin = use(createAdmin(connectTo(address)));
    const { id } = await use(createProducer(connectTo(address))).enqueue('q', null);
    for await (const _ of admin.watchTask(id)) break;
    await leaveNone(async (signal) => {
      for await (const _ of admin.watchTask(id, { signal }));
    }, admin.serverInfo);
  });

  it('is none to the server, and to its callee: a live call', async () => {
    const { address } = await startScene();
    await startCallee(address);
    const admin = use(createAdmin(connectTo(address)));
    const echo = use(createCaller(connectTo(address))).stub(Echo);
    const body = Buffer.from('!sleep');
    await leaveNone(
      (signal) => echo.unary({ body }, { signal }),
      () => echo.unary({}),
    );
    await leaveNone(
      (signal) => echo.chat([{ body }], { signal }).next(),
      () => echo.unary({}),
    );
    await until('none runs', async () => {
      const { clients } = await admin.listClients();
      return clients[0]!.calls === 0;
    });
  });

  it('is none to the server: results', async () => {
    const { address } = await startScene({ maxOpenCalls: MAX_OPEN });
    const observer = use(createObserver(connectTo(address)));
    for await (const _ of observer.results({ from: 'beginning', follow: false }));
    const admin = use(createAdmin(connectTo(address)));
    await leaveNone((signal) => observer.results({ signal }).next(), admin.serverInfo);
  });
});
