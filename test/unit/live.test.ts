import assert from 'node:assert/strict';
import { gzipSync } from 'node:zlib';
import { status } from '@grpc/grpc-js';
import { ANONYMOUS, type Caller as Principal } from '../../server/model/caller.ts';
import { forward } from '../../server/tunnel/asked.ts';
import { createCallees } from '../../server/tunnel/callees.ts';
import type { Caller } from '../../server/tunnel/caller.ts';
import { createInflating } from '../../server/tunnel/inflate.ts';
import { createLiveCalls } from '../../server/tunnel/live.ts';
import { decodeServe } from '../../tunnel/decode.ts';
import { createFrame, type End, type Frame, type Pair } from '../../tunnel/frame.ts';
import { createTunnel, type Tunnel } from '../../tunnel/tunnel.ts';
import { createFakeClock } from '../scene/clock.ts';

/** A caller that keeps what it is told. */
function createCaller(metadata: readonly Pair[], timeoutMs = 0) {
  const ends: End[] = [];
  const caller: Caller = {
    method: 'p.S/M',
    metadata,
    timeoutMs,
    encoding: 'identity',
    peer: 'here',
    who: ANONYMOUS,
    read: () => undefined,
    headers: () => undefined,
    chunk: () => undefined,
    hold: () => undefined,
    giveBack: () => undefined,
    end: (end) => void ends.push(end),
  };
  return { caller, ends };
}

/** A tunnel that says nothing before `flush`. */
function openTunnelTo(write: (batch: Buffer) => void) {
  let flush = (): void => undefined;
  const tunnel = openTunnel(write, (run) => {
    flush = run;
  });
  return { tunnel, flush: () => flush() };
}

function openTunnel(
  write: (batch: Buffer) => void = () => undefined,
  schedule: (run: () => void) => void = () => undefined,
): Tunnel {
  return createTunnel({
    role: 'server',
    sendWindowBytes: 65_536,
    receiveWindowBytes: 65_536,
    maxMessageBytes: 1_000,
    write,
    schedule,
    onOpen: () => undefined,
    onBroken: () => undefined,
    refuseMetadata: () => undefined,
  });
}

const inflate = createInflating(1_000);
const claim = (clientId: string) => ({
  clientId,
  subject: '',
  sessionId: undefined,
  isProven: false,
  mayServe: () => true,
  isDrawn: false,
  peer: '',
  connectedAt: 0,
});
const SERVED = {
  methods: ['p.S/M'],
  maxCalls: 1,
  acceptEncodings: [],
  labels: {},
  isEphemeral: false,
  descriptors: new Uint8Array(),
};

describe('a live call', () => {
  const MAY_ALL = ANONYMOUS;
  const PATIENT: Pair = { key: 'contact-wait', value: '10s' };

  /** What a call of who has these rights comes to at once. */
  function endOf(rights: Partial<Principal>, ...metadata: Pair[]): End | undefined {
    const callees = createCallees();
    for (const id of ['robot-1', 'laptop']) callees.join(claim(id), openTunnel(), () => undefined).announce(SERVED);
    const { begin } = createLiveCalls({ callees, clock: createFakeClock(), inflate });
    const { caller, ends } = createCaller(metadata);
    begin({ ...caller, who: { ...MAY_ALL, ...rights } });
    return ends[0];
  }

  const fieldOf = (end: End | undefined) => [
    end?.code,
    end?.message,
    end?.trailers.find(({ key }) => key === 'contact-field')?.value,
  ];

  it('of a method or a client that are not for its caller is refused, whether they are there or not', () => {
    const refused = (message: string, field: string) => [status.PERMISSION_DENIED, `${field}: ${message}`, field];
    for (const calls of [[], ['p.S/N', 'q.*']]) {
      assert.deepEqual(fieldOf(endOf({ calls })), refused('p.S/M is no method for this caller', ':path'));
      assert.deepEqual(fieldOf(endOf({ calls }, PATIENT)), refused('p.S/M is no method for this caller', ':path'));
    }
    const robots = { clients: { clients: ['robot-*'] } };
    for (const value of ['laptop', 'nobody']) {
      const end = endOf(robots, { key: 'contact-client', value }, PATIENT);
      assert.deepEqual(fieldOf(end), refused(`${value} is no client of this caller`, 'contact-client'));
    }
    assert.equal(endOf({ ...robots, calls: ['p.*'] }), undefined);
    assert.equal(endOf(robots, { key: 'contact-client', value: 'robot-1' }), undefined);
    assert.equal(endOf({ clients: { clients: ['printer'] } })?.code, status.UNAVAILABLE);
  });

  it('tells its callee who calls, and no credential', () => {
    const metadata: readonly Pair[] = [
      { key: 'authorization', value: 'Bearer ct_secret' },
      { key: 'contact-principal', value: 'operator' },
      { key: 'x-own', value: '1' },
    ];
    const told = (principal: string) => forward({ ...createCaller(metadata).caller, who: { ...MAY_ALL, principal } });
    const own = { key: 'x-own', value: '1' };
    const from = { key: 'contact-caller', value: 'here' };
    assert.deepEqual(told('token:web'), [own, from, { key: 'contact-principal', value: 'token:web' }]);
    assert.deepEqual(told(''), [own, from]);
  });

  it('waits for a minute at most', () => {
    const clock = createFakeClock();
    const { begin } = createLiveCalls({ callees: createCallees(), clock, inflate });
    const { caller, ends } = createCaller([{ key: 'contact-wait', value: '999999s' }]);
    begin(caller);
    clock.advance(59_999);
    assert.equal(ends.length, 0);
    clock.advance(2);
    assert.equal(ends[0]?.code, 12);
  });

  it('waits with one of 1,000 selectors, and with a further one not at all', () => {
    const { begin } = createLiveCalls({ callees: createCallees(), clock: createFakeClock(), inflate });
    const beginWith = (selector: string): End[] => {
      const { caller, ends } = createCaller([
        { key: 'contact-wait', value: '10s' },
        { key: 'contact-selector', value: selector },
      ]);
      begin(caller);
      return ends;
    };
    for (let n = 0; n < 1_000; n += 1) assert.deepEqual(beginWith(`n=${n}`), []);
    assert.deepEqual(beginWith('n = 7'), [], 'it means the same as one of them');
    const [end] = beginWith('n=1000');
    const told = Object.fromEntries(end!.trailers.map(({ key, value }) => [key, String(value)]));
    assert.deepEqual(
      [end!.code, told['contact-field'], told['contact-started']],
      [status.RESOURCE_EXHAUSTED, 'contact-selector', 'no'],
    );
  });

  it('begins once, however long it would have waited', () => {
    const clock = createFakeClock();
    const callees = createCallees();
    const tunnel = openTunnel();
    const { begin } = createLiveCalls({ callees, clock, inflate });
    const { caller, ends } = createCaller([{ key: 'contact-wait', value: '10s' }]);
    const live = begin(caller);
    callees.join(claim('a'), tunnel, () => undefined).announce({ ...SERVED, maxCalls: 5 });
    clock.advance(20_000);
    assert.deepEqual([tunnel.callCount, ends.length], [1, 0]);
    live.gone();
    assert.equal(tunnel.callCount, 0);
  });

  it('leaves the line when its caller goes or its deadline passes', () => {
    const clock = createFakeClock();
    const callees = createCallees();
    const tunnel = openTunnel();
    const { begin } = createLiveCalls({ callees, clock, inflate });
    const wait = [{ key: 'contact-wait', value: '60s' }];
    const gone = createCaller(wait);
    begin(gone.caller).gone();
    const late = createCaller(wait, 1_000);
    begin(late.caller);
    clock.advance(1_001);
    assert.equal(late.ends[0]?.code, 4);
    callees.join(claim('a'), tunnel, () => undefined).announce(SERVED);
    assert.equal(tunnel.callCount, 0);
  });

  it('has left of its deadline what it has not waited', () => {
    const clock = createFakeClock();
    const callees = createCallees();
    const frames: Frame[] = [];
    const { tunnel, flush } = openTunnelTo((batch) => frames.push(...decodeServe(batch).frames));
    const { caller } = createCaller([{ key: 'contact-wait', value: '60s' }], 10_000);
    createLiveCalls({ callees, clock, inflate }).begin(caller);
    clock.advance(3_000);
    callees.join(claim('a'), tunnel, () => undefined).announce(SERVED);
    flush();
    assert.equal(frames[0]?.open?.timeoutMs, 7_000);
  });

  it('gives its callee back what its caller has taken, and no sooner', () => {
    const callees = createCallees();
    const frames: Frame[] = [];
    const { tunnel, flush } = openTunnelTo((batch) => frames.push(...decodeServe(batch).frames));
    callees.join(claim('a'), tunnel, () => undefined).announce(SERVED);
    const takers: (() => void)[] = [];
    const { caller } = createCaller([]);
    const { begin } = createLiveCalls({ callees, clock: createFakeClock(), inflate });
    begin({ ...caller, chunk: (_chunk, onTaken) => void takers.push(onTaken) });
    flush();
    const given = (): number => frames.reduce((sum, { window }) => sum + window, 0);
    const message = { ...createFrame(1), data: Buffer.alloc(1_000) };
    tunnel.receive(Array.from({ length: 40 }, () => message));
    flush();
    assert.deepEqual([takers.length, given()], [40, 0]);
    for (const taken of takers) taken();
    flush();
    assert.equal(given(), 40 * 1_032);
  });

  it('gives its place back when it is over, and says of one that was lost before it was sent that it has not begun', () => {
    const clock = createFakeClock();
    const callees = createCallees();
    const tunnel = openTunnel();
    const callee = callees.join(claim('a'), tunnel, () => undefined);
    callee.announce(SERVED);
    const { begin } = createLiveCalls({ callees, clock, inflate });
    const first = createCaller([]);
    const live = begin(first.caller);
    const busy = createCaller([]);
    begin(busy.caller);
    assert.equal(busy.ends[0]?.code, 8);
    live.gone();
    const second = createCaller([]);
    begin(second.caller);
    callee.leave();
    tunnel.close();
    assert.equal(second.ends[0]?.code, 14);
    assert.ok(second.ends[0]?.trailers.some(({ key, value }) => key === 'contact-started' && value === 'no'));
    assert.equal(first.ends.length + second.ends.length + busy.ends.length, 3, 'each ends once');
  });

  it('goes to another callee, with all that was said, when the one that was found is lost before it has heard of it', () => {
    const clock = createFakeClock();
    const callees = createCallees();
    const first = openTunnel();
    const frames: Frame[] = [];
    const second = openTunnelTo((batch) => frames.push(...decodeServe(batch).frames));
    const one = callees.join(claim('one'), first, () => undefined);
    one.announce({ ...SERVED, maxCalls: 5 });
    const { caller, ends } = createCaller([]);
    const live = createLiveCalls({ callees, clock, inflate }).begin(caller);
    let takenCount = 0;
    const piece = { messageBytes: 2, isLast: true, isCompressed: false, onTaken: () => takenCount++ };
    live.piece({ ...piece, bytes: Buffer.from('hi') });
    live.halfClosed();
    callees.join(claim('two'), second.tunnel, () => undefined).announce(SERVED);
    one.leave();
    first.close();
    second.flush();
    assert.deepEqual([ends.length, takenCount], [0, 1]);
    const [frame] = frames;
    assert.deepEqual([frame!.open?.method, frame!.data?.toString(), frame!.halfClose], ['p.S/M', 'hi', true]);
    second.tunnel.close();
    assert.deepEqual(ends[0]!.trailers.at(-1), { key: 'contact-started', value: 'maybe' });
  });

  it('is unpacked for another callee that does not take it as the one did that is lost', async () => {
    const clock = createFakeClock();
    const callees = createCallees();
    const first = openTunnel();
    const frames: Frame[] = [];
    const second = openTunnelTo((batch) => frames.push(...decodeServe(batch).frames));
    const one = callees.join(claim('one'), first, () => undefined);
    one.announce({ ...SERVED, acceptEncodings: ['gzip'], maxCalls: 5 });
    const encoding = { key: 'grpc-encoding', value: 'gzip' };
    const { caller, ends } = createCaller([encoding, { key: 'x-a', value: '1' }]);
    const live = createLiveCalls({ callees, clock, inflate }).begin({ ...caller, encoding: 'gzip' });
    const bytes = gzipSync('hello');
    live.piece({ bytes, messageBytes: bytes.byteLength, isLast: true, isCompressed: true, onTaken: () => undefined });
    live.halfClosed();
    callees.join(claim('two'), second.tunnel, () => undefined).announce(SERVED);
    one.leave();
    first.close();
    second.flush();
    assert.equal(ends.length, 0);
    const [{ open, data, compressed, halfClose }] = frames as [Frame];
    assert.deepEqual(
      open!.metadata.map(({ key }) => key),
      ['x-a', 'contact-caller'],
    );
    assert.deepEqual([data!.toString(), compressed, halfClose], ['hello', false, true]);
    second.tunnel.close();
    assert.deepEqual(ends[0]!.trailers.at(-1), { key: 'contact-started', value: 'maybe' });
  });
});
