import assert from 'node:assert/strict';
import { Metadata, status } from '@grpc/grpc-js';
import { createWorker } from '../../client/index.ts';
import { AdminService } from '../../gen/index.ts';
import { newSessionId } from '../../shared/ids.ts';
import { type Pair, plainEnd } from '../../tunnel/frame.ts';
import { Echo } from '../echo/gen/echo_pb.ts';
import { createCaller, serveDirectly, startCallee, untilServed } from '../scene/callers.ts';
import { ask, connect } from '../scene/clients.ts';
import { createEcho, type EchoLog } from '../scene/echo.ts';
import { closeScene, useWorker } from '../scene/end.ts';
import { exposeEcho } from '../scene/exposed.ts';
import { openServe } from '../scene/rawcallee.ts';
import { connectTo, startScene } from '../scene/server.ts';
import { until } from '../scene/until.ts';

const UNARY = 'echo.Echo/Unary';
const pairOf = (key: string, value: string): Pair => ({ key, value });

/** Echo whose answers say who gave them. */
const named = (name: string) => ({ ...createEcho(), unary: () => ({ body: Buffer.from(name) }) });

describe('a call for a callee', () => {
  afterEach(closeScene);

  it('is UNIMPLEMENTED when nobody ever announced its method, and UNAVAILABLE when nobody is there', async () => {
    const { address } = await startScene();
    const { unary } = createCaller(address);
    const unknown = await unary('x');
    assert.equal(unknown.code, status.UNIMPLEMENTED);
    assert.deepEqual(unknown.trailers['contact-retry'], ['never']);
    const worker = await startCallee(address);
    await worker.drain();
    const absent = await unary('x');
    assert.equal(absent.code, status.UNAVAILABLE);
    assert.deepEqual(absent.trailers['contact-retry'], ['backoff']);
    assert.deepEqual(absent.trailers['contact-started'], ['no']);
  });

  it('goes to the client that it names, to one that its selector matches, or to the one with most room', async () => {
    const { address } = await startScene();
    await startCallee(address, named('a'), { clientId: 'a', labels: { site: 'berlin' } });
    await startCallee(address, named('b'), { clientId: 'b', labels: { site: 'oslo' } });
    const { unary } = createCaller(address);
    const ask = async (metadata: Record<string, string>) => (await unary('x', { metadata })).bodies[0];
    assert.equal(await ask({ 'contact-client': 'b' }), 'b');
    assert.equal(await ask({ 'contact-client': 'a' }), 'a');
    assert.equal(await ask({ 'contact-selector': 'site=oslo' }), 'b');
    assert.equal(await ask({ 'contact-selector': 'site!=oslo' }), 'a');
    const nobody = await unary('x', { metadata: { 'contact-client': 'c' } });
    assert.deepEqual([nobody.code, nobody.details], [status.UNAVAILABLE, `c does not serve ${UNARY} now`]);
    const odd = await unary('x', { metadata: { 'contact-selector': 'a in (' } });
    assert.equal(odd.code, status.INVALID_ARGUMENT);
    assert.deepEqual(odd.trailers['contact-field'], ['contact-selector']);
  });

  it('is told why nobody answers: busy, drained, not there, be it one client, those selected or all', async () => {
    const scene = await startScene();
    const { unary } = createCaller(scene.address);
    const callee = await openServe(scene.address, 'a', { methods: [UNARY], labels: { site: 'x' }, maxCalls: 1 });
    const words = (metadata: Record<string, string>) => unary('x', { metadata }).then(({ details }) => details);
    const [byName, selected] = [{ 'contact-client': 'a' }, { 'contact-selector': 'site = x' }];
    assert.equal(await words({ 'contact-selector': 'site=y' }), `no client that site=y selects serves ${UNARY} now`);
    const running = unary('x', { deadlineMs: 60_000 });
    await until('it runs', () => callee.opened.length === 1);
    assert.equal(await words(byName), 'a is busy: it has as many calls as it takes');
    assert.equal(await words({}), `all that serve ${UNARY} are busy`);
    assert.equal(await words(selected), `all that site=x selects and that serve ${UNARY} are busy`);
    await ask(connect(scene), AdminService.method.drainClient, { clientId: 'a' });
    const rest = 'no new calls until an operator resumes';
    assert.equal(await words(byName), `a is drained: ${rest}`);
    assert.equal(await words({}), `all that serve ${UNARY} are drained: ${rest}`);
    assert.equal(await words(selected), `all that site=x selects and that serve ${UNARY} are drained: ${rest}`);
    await ask(connect(scene), AdminService.method.disconnectClient, { clientId: 'a' });
    assert.equal((await running).trailers['contact-started']?.toString(), 'maybe');
    assert.equal(await words({}), `nobody serves ${UNARY} now`);
  });

  it('is told what is wrong with its metadata, whether its method is known or not', async () => {
    const { address } = await startScene();
    const { unary } = createCaller(address);
    for (const _ of ['unknown', 'known']) {
      for (const [metadata, field] of [
        [{ 'contact-mode': 'DURABLE' }, 'contact-mode'],
        [{ 'contact-client': 'a', 'contact-selector': 'b' }, 'contact-selector'],
        [{ 'contact-client': '' }, 'contact-client'],
        [{ 'contact-client': ['a', 'b'] }, 'contact-client'],
        [{ 'contact-selector': '' }, 'contact-selector'],
        [{ 'contact-wait': '10' }, 'contact-wait'],
      ] as const) {
        const { code, trailers } = await unary('x', { metadata });
        assert.deepEqual([code, trailers['contact-field']], [status.INVALID_ARGUMENT, [field]]);
      }
      await openServe(address, 'raw', { methods: [UNARY] });
    }
  });

  it('goes to the callee with most free places', async () => {
    const { address } = await startScene();
    const small = await openServe(address, 'small', { methods: [UNARY], maxCalls: 1 });
    const large = await openServe(address, 'large', { methods: [UNARY], maxCalls: 2 });
    const { unary } = createCaller(address);
    const replies = [1, 2, 3].map(() => unary('x', { deadlineMs: 60_000 }));
    await until('all are opened', () => small.opened.length + large.opened.length === 3);
    assert.deepEqual([small.opened.length, large.opened.length], [1, 2]);
    const busy = await unary('x');
    assert.equal(busy.code, status.RESOURCE_EXHAUSTED);
    const waiting = unary('x', { metadata: { 'contact-wait': '60s' } });
    await unary('x');
    small.answer(small.opened[0]!, 'done');
    await until('the one that waits is opened', () => small.opened.length === 2);
    small.answer(small.opened[1]!, 'waited');
    assert.deepEqual((await waiting).bodies, ['waited']);
    for (const call of large.opened) large.answer(call, 'done');
    assert.deepEqual(
      (await Promise.all(replies)).map(({ bodies }) => bodies[0]),
      ['done', 'done', 'done'],
    );
  });

  it('waits for its callee as long as it says, and no longer than its deadline', async () => {
    const { address } = await startScene();
    const worker = await startCallee(address);
    await worker.drain();
    const { unary } = createCaller(address);
    const wait = { 'contact-wait': '60s' };
    const late = await unary('x', { metadata: wait, deadlineMs: 100 });
    assert.equal(late.code, status.DEADLINE_EXCEEDED);
    const short = await unary('x', { metadata: { 'contact-wait': '50ms' } });
    assert.equal(short.code, status.UNAVAILABLE);
    const odd = await unary('x', { metadata: { 'contact-wait': 'soon' } });
    assert.equal(odd.code, status.INVALID_ARGUMENT);
    const waiting = unary('x', { metadata: { 'contact-wait': '1m' } });
    await startCallee(address);
    assert.equal((await waiting).code, status.OK);
  });

  it('tells its caller whether a callee that was lost may have begun', async () => {
    const { address } = await startScene();
    const callee = await openServe(address, 'raw', { methods: [UNARY] });
    const { unary } = createCaller(address);
    const reply = unary('x');
    await until('it is opened', () => callee.opened.length === 1);
    callee.cut();
    const { code, trailers } = await reply;
    assert.equal(code, status.UNAVAILABLE);
    assert.deepEqual(trailers['contact-started'], ['maybe']);
    assert.deepEqual(trailers['contact-retry'], ['backoff']);
  });

  it('ends in no words of contact’s own that its callee has said, but whether it had begun', async () => {
    const { address } = await startScene();
    const callee = await openServe(address, 'raw', { methods: [UNARY] });
    const { unary } = createCaller(address);
    const ours = ['reason', 'retry', 'retry-after-ms', 'state', 'task'].map((key) => pairOf(`contact-${key}`, 'now'));
    const endedWith = async (code: number, started: string): Promise<readonly [unknown, unknown]> => {
      const count = callee.opened.length;
      const reply = unary('x');
      await until('it is opened', () => callee.opened.length > count);
      const trailers = [pairOf('x-a', '1'), ...ours, pairOf('contact-started', started)];
      const headers = [pairOf('x-b', '2'), ...ours];
      callee.say({ call: callee.opened.at(-1)!.call, headers, end: plainEnd(code, 'so', trailers) });
      const told = await reply;
      return [told.trailers, Object.keys(told.headers).filter((key) => key.startsWith('contact-'))];
    };
    assert.deepEqual(await endedWith(status.UNAVAILABLE, 'no'), [{ 'x-a': ['1'], 'contact-started': ['no'] }, []]);
    assert.deepEqual(await endedWith(status.UNAVAILABLE, 'odd'), [{ 'x-a': ['1'] }, []]);
    assert.deepEqual(await endedWith(status.NOT_FOUND, 'no'), [{ 'x-a': ['1'] }, []]);
  });

  for (const how of ['a handler', 'a server that is exposed'] as const) {
    it(`has begun where ${how} passes on what a call of its own came to, which had not`, async () => {
      const { address } = await startScene();
      const unbegun = new Metadata();
      for (const [key, value] of [
        ['contact-started', 'no'],
        ['contact-retry', 'now'],
        ['x-a', '1'],
      ] as const) {
        unbegun.set(key, value);
      }
      const inner = Object.assign(new Error('nobody'), { code: status.UNAVAILABLE, metadata: unbegun });
      const handlers = { ...createEcho(), unary: () => Promise.reject(inner) };
      if (how === 'a handler') useWorker(createWorker({ ...connectTo(address), clientId: 'c' })).serve(Echo, handlers);
      else await exposeEcho(address, await serveDirectly(handlers));
      const { code, trailers } = await createCaller(address).unary('x', { metadata: { 'contact-wait': '20s' } });
      assert.deepEqual([code, trailers], [status.UNAVAILABLE, { 'x-a': ['1'] }]);
    });
  }

  it('comes with what its caller said, without contact’s own words, and with where it came from', async () => {
    const { address } = await startScene();
    const callee = await openServe(address, 'raw', { methods: [UNARY] });
    const metadata = { 'x-mine': 'yes', 'contact-client': 'raw', 'contact-other': 'no' };
    void createCaller(address).unary('x', { metadata, deadlineMs: 5_000 });
    await until('it is opened', () => callee.opened.length === 1);
    const { open } = callee.opened[0]!;
    const keys = open!.metadata.map(({ key }) => key);
    assert.ok(keys.includes('x-mine') && keys.includes('user-agent'));
    assert.deepEqual(
      keys.filter((key) => key.startsWith('contact-')),
      ['contact-caller'],
    );
    assert.ok(
      !keys.some((key) => key.startsWith(':') || ['te', 'content-type', 'grpc-timeout'].includes(key)),
      String(keys),
    );
    assert.ok(open!.timeoutMs > 4_000 && open!.timeoutMs <= 5_000, `${open!.timeoutMs} ms`);
  });

  it('reaches a newer Serve of the same session, and the one before is told that it was replaced', async () => {
    const { address } = await startScene();
    const session = newSessionId();
    const before = await openServe(address, 'raw', { methods: [UNARY] }, session);
    const after = await openServe(address, 'raw', { methods: [UNARY] }, session);
    assert.match(await before.ended, /^UNAVAILABLE REPLACED/);
    const reply = createCaller(address).unary('x');
    await until('it is opened', () => after.opened.length === 1);
    after.answer(after.opened[0]!, 'new');
    assert.deepEqual((await reply).bodies, ['new']);
  });

  it('goes on when its callee announces something else, and no other comes', async () => {
    const { address } = await startScene();
    const callee = await openServe(address, 'raw', { methods: [UNARY] });
    const { unary } = createCaller(address);
    const reply = unary('x');
    await until('it is opened', () => callee.opened.length === 1);
    await callee.announce({ methods: [] });
    assert.equal((await unary('x')).code, status.UNAVAILABLE);
    callee.answer(callee.opened[0]!, 'late');
    assert.deepEqual((await reply).bodies, ['late']);
  });

  it('is not taken for a name of the server’s own', async () => {
    const { address } = await startScene();
    const methods = [
      'contact.v1.TaskService/EnqueueTasks',
      'grpc.health.v1.Health/Check',
      'Contact/GetTask',
      'odd',
      UNARY,
    ];
    const callee = await openServe(address, 'raw', { methods });
    assert.deepEqual(
      callee.accepted.refused.map(({ method }) => method),
      methods.slice(0, 4),
    );
    await untilServedBy(address);
  });

  it('is finished before the server goes, and a new one is told to come again', async () => {
    const { address, server } = await startScene();
    const callee = await openServe(address, 'raw', { methods: [UNARY] });
    const { unary } = createCaller(address);
    const reply = unary('x');
    await until('it is opened', () => callee.opened.length === 1);
    const closed = server.close({ deadlineMs: 60_000 });
    const refused = await unary('x');
    assert.deepEqual([refused.code, refused.trailers['contact-reason']], [status.UNAVAILABLE, ['SERVER_SHUTDOWN']]);
    callee.answer(callee.opened[0]!, 'last');
    assert.deepEqual((await reply).bodies, ['last']);
    await closed;
  });

  it('that waits is told to come again as soon as the server goes, and that nobody has begun', async () => {
    const { address, server } = await startScene();
    const callee = await openServe(address, 'raw', { methods: [UNARY] });
    const { unary } = createCaller(address);
    const running = unary('x');
    await until('it is opened', () => callee.opened.length === 1);
    const named = { 'contact-wait': '30s', 'contact-client': 'nobody' };
    const waiting = [unary('x', { metadata: named }), unary('x', { metadata: { ...named, 'contact-client': 'raw2' } })];
    // Over the same connection it comes after them.
    assert.equal((await unary('x', { metadata: { 'contact-client': 'nobody' } })).code, status.UNAVAILABLE);
    const closed = server.close({ deadlineMs: 60_000 });
    for (const { code, trailers } of await Promise.all(waiting)) {
      const words = ['contact-reason', 'contact-retry', 'contact-started'].flatMap((key) => trailers[key]);
      assert.deepEqual([code, words], [status.UNAVAILABLE, ['SERVER_SHUTDOWN', 'now', 'no']]);
    }
    callee.cut();
    assert.equal((await running).trailers['contact-started']?.toString(), 'maybe');
    await closed;
  });

  it('finds its callee again after the connection was cut', async () => {
    const scene = await startScene();
    await startCallee(scene.address);
    await scene.restart();
    await untilServed(scene.address, 'callee');
  });

  async function untilServedBy(address: string): Promise<void> {
    const log: EchoLog = { aborted: [], readCount: 0 };
    await startCallee(address, createEcho(log), { clientId: 'other' });
  }
});
