import assert from 'node:assert/strict';
import { Buffer } from 'node:buffer';
import { compressionAlgorithms, status } from '@grpc/grpc-js';
import { type Pair, plainEnd } from '../../tunnel/frame.ts';
import { createCaller, startCallee, writeCallerMetadata } from '../scene/callers.ts';
import { closeScene } from '../scene/end.ts';
import { openBare, openServe, type RawCallee } from '../scene/rawcallee.ts';
import { startScene } from '../scene/server.ts';
import { until } from '../scene/until.ts';

const UNARY = 'echo.Echo/Unary';
const ANNOUNCED = { methods: [UNARY, 'echo.Echo/Down', 'echo.Echo/Up'] };
const pair = (key: string, value: string): Pair => ({ key, value });

/** What a callee may do to a call that it was given, and what its caller is told. */
const TRAPS: readonly (readonly [string, (callee: RawCallee, call: number) => void])[] = [
  ['a header of the connection', ({ say }, call) => say({ call, headers: [pair('connection', 'x')] })],
  ['a trailer of the connection', ({ say }, call) => say({ call, end: plainEnd(0, '', [pair('connection', 'x')]) })],
  [
    'another status among its trailers',
    ({ say }, call) => say({ call, end: plainEnd(0, '', [pair('grpc-status', '5')]) }),
  ],
  ['a pseudo-header', ({ say }, call) => say({ call, headers: [pair(':status', '404')] })],
  ['a content type', ({ say }, call) => say({ call, headers: [pair('content-type', 'text/html')] })],
  ['a value with a line break', ({ say }, call) => say({ call, headers: [pair('x', 'a\r\nb: c')] })],
  ['a key in capitals', ({ say }, call) => say({ call, headers: [pair('X', 'a')] })],
  ['100 KB of metadata', ({ say }, call) => say({ call, end: plainEnd(0, '', [pair('x', 'v'.repeat(100_000))]) })],
  ['65 pairs of metadata', ({ say }, call) => say({ call, headers: Array.from({ length: 65 }, () => pair('x', 'v')) })],
  ['a window of 2^32', ({ say }, call) => say({ call, window: 2 ** 32 - 1 })],
  ['headers twice', ({ say }, call) => say({ call, headers: [] }, { call, headers: [] })],
  ['half_close', ({ say }, call) => say({ call, halfClose: true })],
  ['a cancel', ({ say }, call) => say({ call, cancel: true })],
  [
    'a million empty messages',
    ({ say }, call) => {
      // As many in one message as are more than a window, whatever is given back meanwhile.
      const batch = Array.from({ length: 9_000 }, () => ({ call, data: Buffer.alloc(0) }));
      for (let at = 0; at < 110; at++) say(...batch);
    },
  ],
];

describe('a callee that breaks the rules', () => {
  afterEach(closeScene);

  for (const [what, spring] of TRAPS) {
    it(`harms its own call alone: ${what}`, async () => {
      // All ends of this test share one process, which a million messages keep busy.
      const { address } = await startScene({ pingIntervalMs: 5_000 });
      await startCallee(address, undefined, { clientId: 'good' });
      const callee = await openServe(address, 'bad', ANNOUNCED);
      const { unary } = createCaller(address);
      const reply = unary('x', { metadata: { 'contact-client': 'bad' } });
      await until('it is opened', () => callee.opened.length === 1);
      spring(callee, callee.opened[0]!.call);
      const { code, details, trailers } = await reply;
      assert.equal(code, status.INTERNAL);
      // Not for what it would have broken further on.
      assert.match(details, /^the other end of the tunnel broke its protocol: /);
      assert.deepEqual(
        trailers,
        { 'contact-reason': ['INTERNAL'], 'contact-retry': ['backoff'] },
        'the server says so',
      );
      assert.equal((await unary('y', { metadata: { 'contact-client': 'good' } })).code, status.OK);
    });
  }

  it('is refused a message that is too large in the words of the server', async () => {
    const { address } = await startScene();
    const callee = await openServe(address, 'bad', ANNOUNCED);
    const reply = createCaller(address).unary('x');
    await until('it is opened', () => callee.opened.length === 1);
    callee.say({ call: callee.opened[0]!.call, data: Buffer.alloc(5), more: true, size: 2 ** 31 });
    const { code, details, trailers } = await reply;
    assert.equal(code, status.RESOURCE_EXHAUSTED);
    assert.match(details, /^a message of 2147483648 bytes, at most \d+ are taken$/);
    assert.deepEqual(trailers, { 'contact-reason': ['RESOURCE_EXHAUSTED'], 'contact-retry': ['never'] });
  });

  it('is ignored where it speaks of calls that are over, or never were', async () => {
    const { address } = await startScene();
    const callee = await openServe(address, 'bad', ANNOUNCED);
    const { unary } = createCaller(address);
    callee.say({ call: 99, data: Buffer.alloc(5), end: plainEnd(0, '') });
    for (let count = 1; count <= 5; count++) {
      const reply = unary('x');
      await until('it is opened', () => callee.opened.length === count);
      const { call } = callee.opened.at(-1)!;
      callee.say({ call, end: plainEnd(5, 'no') }, { call, end: plainEnd(0, '') }, { call, data: Buffer.alloc(9) });
      assert.equal((await reply).code, status.NOT_FOUND);
    }
  });

  it('has its Serve ended with the third call that it broke', async () => {
    const { address } = await startScene();
    const callee = await openServe(address, 'bad', ANNOUNCED);
    const { unary } = createCaller(address);
    for (let count = 1; count <= 3; count++) {
      const reply = unary('x');
      await until('it is opened', () => callee.opened.length === count);
      callee.say({ call: callee.opened.at(-1)!.call, cancel: true });
      assert.equal((await reply).code, status.INTERNAL);
    }
    assert.match(await callee.ended, /^INVALID_ARGUMENT/);
  });

  const refused: readonly (readonly [string, string, (callee: RawCallee) => unknown])[] = [
    ['what is no message', 'INVALID_ARGUMENT', ({ sayBytes }) => sayBytes(Buffer.from([0xff, 0xff, 0xff]))],
    ['frames of more than 128 KiB', 'RESOURCE_EXHAUSTED', ({ sayBytes }) => sayBytes(Buffer.alloc(131_073, 0x12))],
    [
      'an announcement of more than 512 KiB',
      'RESOURCE_EXHAUSTED',
      ({ announce }) => announce({ methods: [`p.S/${'m'.repeat(600_000)}`] }),
    ],
    [
      'frames of more than 128 KiB beside an announcement',
      'RESOURCE_EXHAUSTED',
      ({ sayBytes }) => sayBytes(Buffer.alloc(131_074).fill(Buffer.from([0x0a, 0]))),
    ],
    ['more than 10,000 calls', 'INVALID_ARGUMENT', ({ announce }) => announce({ ...ANNOUNCED, maxCalls: 10_001 })],
    [
      'more than 16 encodings',
      'INVALID_ARGUMENT',
      ({ announce }) => announce({ acceptEncodings: Array(17).fill('gzip') }),
    ],
    [
      'more than 1,000 methods',
      'INVALID_ARGUMENT',
      ({ announce }) => announce({ methods: Array(1_001).fill('p.S/M') }),
    ],
    ['a revision of tomorrow', 'INVALID_ARGUMENT', ({ announce }) => announce({ ...ANNOUNCED, revision: 99 })],
  ];
  for (const [what, code, say] of refused) {
    it(`has its Serve ended when it says ${what}`, async () => {
      const { address } = await startScene();
      const callee = await openServe(address, 'bad', ANNOUNCED);
      await say(callee);
      // The second byte of what is no message may be longer than what comes; then it is malformed.
      assert.match(await callee.ended, new RegExp(`^(${code}|INVALID_ARGUMENT)`));
    });
  }

  it('is refused with a window that no chunk or no budget fits', async () => {
    const { address } = await startScene();
    for (const window of [65_535, 1_048_577]) {
      const callee = await openServe(address, 'bad', { ...ANNOUNCED, window });
      assert.match(await callee.ended, /^INVALID_ARGUMENT .*announce\.window/);
    }
  });

  it('is taken for gone when it answers no ping for three intervals', async () => {
    const { address } = await startScene({ pingIntervalMs: 50 });
    const callee = await openServe(address, 'mute', ANNOUNCED);
    callee.isAnswering = false;
    const reply = createCaller(address).unary('x');
    assert.match(await callee.ended, /^UNAVAILABLE SILENT/);
    assert.equal((await reply).code, status.UNAVAILABLE);
  });

  it('stays as long as it answers pings, however long its calls take', async () => {
    const { address } = await startScene({ pingIntervalMs: 30 });
    const callee = await openServe(address, 'slow', ANNOUNCED);
    const reply = createCaller(address).unary('x');
    await until('it was pinged for long', () => callee.pingCount > 15);
    callee.answer(callee.opened[0]!, 'at last');
    assert.deepEqual((await reply).bodies, ['at last']);
  });
});

describe('a caller of a callee', () => {
  afterEach(closeScene);

  it('has at most 8,192 bytes and 64 pairs of metadata', async () => {
    const { address } = await startScene();
    await startCallee(address);
    const { unary } = createCaller(address);
    const large = await unary('x', { metadata: { 'x-large': 'v'.repeat(8_192) } });
    const many = await unary('x', { metadata: { 'x-many': Array.from({ length: 65 }, () => 'v') } });
    assert.deepEqual([large.code, many.code], [status.RESOURCE_EXHAUSTED, status.RESOURCE_EXHAUSTED]);
    assert.equal((await unary('x', { metadata: { 'x-large': 'v'.repeat(7_000) } })).code, status.OK);
  });

  it('is refused a message that is too large with its prefix, both ways', async () => {
    const { address } = await startScene({ maxPayloadBytes: 1 << 20 });
    const callee = await openServe(address, 'raw', ANNOUNCED);
    const { unary } = createCaller(address);
    const large = await unary(Buffer.alloc(7 << 20));
    assert.equal(large.code, status.RESOURCE_EXHAUSTED);
    const count = callee.opened.length;
    const reply = unary('x');
    await until('it is opened', () => callee.opened.length === count + 1);
    callee.say({ call: callee.opened.at(-1)!.call, data: Buffer.alloc(10), more: true, size: 7 << 20 });
    assert.equal((await reply).code, status.RESOURCE_EXHAUSTED);
  });

  it('is one of as many as may be open', async () => {
    const { address } = await startScene({ maxOpenCalls: 3 });
    const callee = await openServe(address, 'raw', ANNOUNCED);
    const { unary } = createCaller(address);
    const open = [1, 2, 3].map(() => unary('x'));
    await until('all are opened', () => callee.opened.length === 3);
    const more = await unary('x');
    assert.deepEqual([more.code, more.trailers['contact-field']], [status.RESOURCE_EXHAUSTED, ['calls']]);
    assert.deepEqual(more.trailers['contact-started'], ['no']);
    callee.answer(callee.opened[0]!, 'done');
    await Promise.race(open);
    const next = unary('x');
    await until('it is opened', () => callee.opened.length === 4);
    for (const call of callee.opened.slice(1)) callee.answer(call, 'done');
    await Promise.all([...open, next]);
  });

  it('may compress what its callee takes compressed', async () => {
    const { address } = await startScene();
    const gzip = { 'grpc.default_compression_algorithm': compressionAlgorithms.gzip };
    const { unary } = createCaller(address, gzip);
    const callee = await openServe(address, 'gzip', { ...ANNOUNCED, acceptEncodings: ['gzip'] });
    const reply = unary('x'.repeat(5_000));
    await until('the message is there', () => callee.frames.some(({ data }) => data !== undefined));
    const message = callee.frames.find(({ data }) => data !== undefined)!;
    assert.ok(message.compressed && message.data!.byteLength < 200);
    const { call, data } = message;
    callee.say({ call, headers: [pair('grpc-encoding', 'gzip')], data: data!, compressed: true, end: plainEnd(0, '') });
    assert.match((await reply).bodies[0]!, /^5000 bytes/);
  });

  it('that reads nothing has a bound, and with others a budget: who has taken nothing for longest ends', async () => {
    // Caller, callee and server share one process: what keeps it busy makes none of them silent.
    const { address } = await startScene({ heldBudgetBytes: 2 << 20, pingIntervalMs: 5_000, stuckSocketMs: 5_000 });
    await startCallee(address);
    const { client } = createCaller(address);
    const codes: number[] = [];
    const words: string[] = [];
    for (let at = 0; at < 20; at++) {
      const call = client.down({ body: Buffer.alloc(10_000), count: 1_000_000 });
      call.on('error', () => undefined);
      call.on('status', ({ code, details }) => {
        codes.push(code);
        words.push(details);
      });
      call.pause();
    }
    await until('some are ended', () => codes.length > 0);
    assert.ok(
      codes.every((code) => code === status.RESOURCE_EXHAUSTED),
      `${codes}: ${words.join('; ')}`,
    );
    assert.equal((await createCaller(address).unary('neighbour')).code, status.OK);
  });

  it('that sends to a callee that reads nothing is held back, and its neighbours are not', async () => {
    const { address } = await startScene();
    const callee = await openServe(address, 'stuck', { methods: ['echo.Echo/Up'] });
    await startCallee(address, { unary: ({ body }) => ({ body }) }, { clientId: 'good' });
    const { client, unary } = createCaller(address);
    let written = 0;
    const call = client.up(writeCallerMetadata(), {}, () => undefined);
    call.on('error', () => undefined);
    const count = (): void => {
      written += 10_000;
    };
    const write = (): void => {
      while (call.write({ body: Buffer.alloc(10_000) }, count)) if (call.destroyed) return;
      call.once('drain', write);
    };
    write();
    await until('it is opened', () => callee.opened.length === 1);
    for (let at = 0; at < 50; at++) assert.equal((await unary('x')).code, status.OK);
    // A window of the tunnel, what was read ahead, and windows of HTTP/2 at both of its ends.
    assert.ok(written < 2_000_000, `${written} bytes were written`);
    call.cancel();
  });
});

describe('a Serve without an announcement', () => {
  afterEach(closeScene);

  it('is refused', async () => {
    const { address } = await startScene();
    assert.match(await openBare(address), /^INVALID_ARGUMENT .*announce/);
  });
});
