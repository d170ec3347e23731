import assert from 'node:assert/strict';
import { create, toBinary } from '@bufbuild/protobuf';
import { FileDescriptorSetSchema } from '@bufbuild/protobuf/wkt';
import { EVERY_CLIENT } from '../../server/model/caller.ts';
import type { Announcement, Callee } from '../../server/tunnel/callee.ts';
import { createCallees } from '../../server/tunnel/callees.ts';
import type { Claimant } from '../../server/tunnel/claimant.ts';
import { ContactError } from '../../shared/errors.ts';
import type { Tunnel } from '../../tunnel/tunnel.ts';

const ANYBODY = { clientId: undefined, selector: undefined, scope: EVERY_CLIENT, holders: [] };
/** Nothing here looks into it. */
const TUNNEL = {} as Tunnel;

const claim = (clientId: string, with_: Partial<Claimant> = {}): Claimant => ({
  clientId,
  subject: '',
  sessionId: undefined,
  isProven: false,
  mayServe: () => true,
  isDrawn: false,
  peer: 'here',
  connectedAt: 0,
  ...with_,
});

const announce = (methods: readonly string[], with_: Partial<Announcement> = {}): Announcement => ({
  methods,
  maxCalls: 2,
  acceptEncodings: [],
  labels: {},
  isEphemeral: false,
  descriptors: new Uint8Array(),
  ...with_,
});

const names = (count: number, from = 0): string[] => Array.from({ length: count }, (_, at) => `p.S/M${from + at}`);

function nameOf(found: Callee | string): string {
  return typeof found === 'string' ? found : found.clientId;
}

/** A set of files with the method `p.S/M`. */
function describeMethod(changes: object): Uint8Array {
  const method = { name: 'M', inputType: '.p.X', outputType: '.p.X', ...changes };
  const service = [{ name: 'S', method: [method] }];
  const file = [{ name: 'p.proto', package: 'p', syntax: 'proto3', messageType: [{ name: 'X' }], service }];
  return toBinary(FileDescriptorSetSchema, create(FileDescriptorSetSchema, { file }));
}

describe('callees', () => {
  it('are found by method as long as they are there and have room', () => {
    const callees = createCallees();
    const callee = callees.join(claim('a'), TUNNEL, () => undefined);
    assert.equal(callees.find('p.S/M', ANYBODY), 'unknown');
    callee.announce(announce(['p.S/M']));
    const [first, second] = [callee.occupy('p.S/M'), callee.occupy('p.S/M')];
    assert.equal(callees.find('p.S/M', ANYBODY), 'busy');
    first();
    first();
    assert.equal(nameOf(callees.find('p.S/M', ANYBODY)), 'a');
    callee.occupy('p.S/M');
    assert.equal(callees.find('p.S/M', ANYBODY), 'busy', 'a place is given back once');
    second();
    callee.leave();
    assert.equal(callees.find('p.S/M', ANYBODY), 'absent');
    assert.deepEqual(callee.announce(announce(['p.S/M'])).methods, [], 'who has gone announces nothing');
    assert.equal(callees.find('p.S/M', ANYBODY), 'absent');
  });

  it('replace what they had announced', () => {
    const callees = createCallees();
    const callee = callees.join(claim('a'), TUNNEL, () => undefined);
    callee.announce(announce(['p.S/Old', 'p.S/Both']));
    callee.announce(announce(['p.S/Both', 'p.S/New']));
    const found = ['p.S/Old', 'p.S/Both', 'p.S/New'].map((method) => nameOf(callees.find(method, ANYBODY)));
    assert.deepEqual(found, ['absent', 'a', 'a']);
  });

  it('announce at most 1,000 methods each, and all together 100,000', () => {
    const callees = createCallees();
    const callee = callees.join(claim('a'), TUNNEL, () => undefined);
    assert.throws(() => callee.announce(announce(names(1_001))), {
      code: 'INVALID_ARGUMENT',
      field: 'announce.methods',
    });
    for (let at = 0; at < 100; at++)
      callees.join(claim(`c${at}`), TUNNEL, () => undefined).announce(announce(names(1_000)));
    const isFull = (error: unknown) => error instanceof ContactError && error.code === 'RESOURCE_EXHAUSTED';
    assert.throws(() => callee.announce(announce(['p.S/More'])), isFull);
    callees.disconnect('c7');
    callee.announce(announce(['p.S/More']));
  });

  it('are remembered by 10,000 methods that nobody serves any more; of more the oldest are forgotten', () => {
    const callees = createCallees();
    const callee = callees.join(claim('a'), TUNNEL, () => undefined);
    const living = callees.join(claim('b'), TUNNEL, () => undefined);
    living.announce(announce(['p.S/Living']));
    for (let from = 0; from < 11_000; from += 1_000) callee.announce(announce(names(1_000, from)));
    callee.announce(announce([]));
    const known = names(11_000).filter((method) => callees.knows(method));
    assert.deepEqual([known.length, known[0]], [10_000, 'p.S/M1000']);
    assert.ok(callees.knows('p.S/Living'));
  });

  it('are not called while they are drained, as far as 10,000 ids go', () => {
    const callees = createCallees();
    const callee = callees.join(claim('a'), TUNNEL, () => undefined);
    callees.drain('a', true);
    callee.announce(announce(['p.S/M']));
    assert.equal(callees.find('p.S/M', ANYBODY), 'drained');
    callees.drain('a', false);
    assert.equal(nameOf(callees.find('p.S/M', ANYBODY)), 'a');
    callees.drain('a', true);
    for (let at = 0; at < 9_999; at++) callees.drain(`c${at}`, true);
    assert.equal(callees.find('p.S/M', ANYBODY), 'drained');
    callees.drain('one more', true);
    assert.equal(nameOf(callees.find('p.S/M', ANYBODY)), 'a');
  });

  it('are of one subject under one id', () => {
    const callees = createCallees();
    callees.join(claim('a', { subject: 'alice', sessionId: 's' }), TUNNEL, () => undefined);
    const mallory = { subject: 'mallory', sessionId: 's', isProven: true };
    assert.throws(() => callees.join(claim('a', mallory), TUNNEL, () => undefined), { code: 'ALREADY_EXISTS' });
  });

  it('are those that their caller may call', () => {
    const callees = createCallees();
    for (const name of ['robot-1', 'laptop'])
      callees.join(claim(name), TUNNEL, () => undefined).announce(announce(['p.S/M']));
    const some = (...clients: string[]) => ({ ...ANYBODY, scope: { clients } });
    assert.equal(nameOf(callees.find('p.S/M', some('robot-*'))), 'robot-1');
    assert.equal(nameOf(callees.find('p.S/M', some('laptop'))), 'laptop');
    assert.equal(callees.find('p.S/M', some('printer')), 'absent');
    assert.equal(callees.find('p.S/M', some()), 'absent');
  });

  it('are refused methods that they may not serve, now and later', () => {
    const callees = createCallees();
    const first = callees.join(claim('first'), TUNNEL, () => undefined);
    first.announce(announce(['p.S/M'], { descriptors: describeMethod({ serverStreaming: true }) }));
    const taken: string[] = [];
    const mayServe = (method: string) => method === 'p.S/N';
    const second = callees.join(
      claim('second', { mayServe }),
      TUNNEL,
      () => undefined,
      (methods) => taken.push(...methods),
    );
    const { methods: refused } = second.announce(announce(['p.S/M', 'p.S/N'], { descriptors: describeMethod({}) }));
    assert.deepEqual(refused, [{ method: 'p.S/M', message: 'it is no method that this client may serve' }]);
    first.leave();
    assert.deepEqual([taken, callees.find('p.S/M', ANYBODY)], [[], 'absent']);
    assert.equal(nameOf(callees.find('p.S/N', ANYBODY)), 'second');
  });

  it('refuse names that no method has, or of the server’s own', () => {
    const callee = createCallees().join(claim('a'), TUNNEL, () => undefined);
    const odd = [
      '',
      '/p.S/M',
      'p.S',
      'p.S/M/N',
      `p.S/${'M'.repeat(252)}`,
      'contact.v2.X/Y',
      'grpc.a.B/C',
      'Contact/Any',
    ];
    const { methods: refused } = callee.announce(announce([...odd, `p.S/${'M'.repeat(251)}`, 'contacts.X/Y']));
    assert.deepEqual(
      refused.map(({ method }) => method.slice(0, 200)),
      odd.map((method) => method.slice(0, 200)),
    );
  });

  it('are handed over, one kind of RPC, when those have gone who served them as another, in the order of who came', () => {
    const callees = createCallees();
    const taken: string[] = [];
    const join = (id: string, changes: object) => {
      const callee = callees.join(
        claim(id),
        TUNNEL,
        () => undefined,
        (methods) => taken.push(`${id} ${methods}`),
      );
      const { methods } = callee.announce(announce(['p.S/M'], { descriptors: describeMethod(changes), maxCalls: 2 }));
      return { callee, isRefused: methods.length > 0 };
    };
    const unary = join('unary', {});
    const others = [
      join('stream', { serverStreaming: true }),
      join('bidi', { serverStreaming: true, clientStreaming: true }),
      join('stream too', { serverStreaming: true }),
    ];
    assert.deepEqual(
      [unary, ...others].map(({ isRefused }) => isRefused),
      [false, true, true, true],
    );
    // Saying the same again loses it to nobody.
    unary.callee.announce(announce(['p.S/M'], { descriptors: describeMethod({}) }));
    assert.deepEqual(taken, []);
    unary.callee.leave();
    assert.deepEqual(taken, ['stream p.S/M', 'stream too p.S/M']);
    assert.equal(callees.kindOf('p.S/M'), 'server_streaming');
    others[1]!.callee.leave();
    others[0]!.callee.leave();
    others[2]!.callee.announce(announce([]));
    assert.equal(taken.length, 2, 'who has gone gets nothing');
    assert.equal(callees.find('p.S/M', ANYBODY), 'absent');
  });

  it('have said what kind of RPC a method is, also once they have gone', () => {
    const callees = createCallees();
    const join = (id: string, changes?: object) => {
      const callee = callees.join(claim(id), TUNNEL, () => undefined);
      const descriptors = changes ? { descriptors: describeMethod(changes) } : {};
      return { ...callee, refused: callee.announce(announce(['p.S/M'], descriptors)).methods.length };
    };
    const stream = join('stream', { serverStreaming: true });
    stream.leave();
    assert.equal(callees.kindOf('p.S/M'), 'server_streaming');
    const unary = join('unary', {});
    const mute = join('mute');
    assert.deepEqual([unary.refused, mute.refused, callees.kindOf('p.S/M')], [0, 0, 'unary']);
    assert.equal(join('stream again', { serverStreaming: true }).refused, 1);
    unary.leave();
    assert.equal(callees.kindOf('p.S/M'), 'server_streaming', 'who is left has said no kind');
  });

  it('are listed by the services that they serve and describe', () => {
    const callees = createCallees();
    const list = (): string[] => [...callees.services.names()].toSorted();
    const join = (id: string, changes?: object): Callee => {
      const callee = callees.join(claim(id), TUNNEL, () => undefined);
      callee.announce(announce(['p.S/M', `${id}.Mute/M`], changes ? { descriptors: describeMethod(changes) } : {}));
      return callee;
    };
    const mute = join('mute');
    assert.deepEqual(list(), []);
    const unary = join('unary', {});
    const stream = join('stream', { serverStreaming: true });
    assert.deepEqual(list(), ['p.S']);
    callees.drain('unary', true);
    assert.deepEqual(list(), []);
    unary.leave();
    assert.deepEqual(list(), ['p.S'], 'it was handed over, since who is left has said no kind');
    mute.leave();
    assert.deepEqual(list(), ['p.S']);
    stream.announce(announce(['p.S/M']));
    assert.deepEqual(list(), []);
  });

  it('are offered to who waits for them, the longest first, as far as they have room', () => {
    const callees = createCallees();
    const order: string[] = [];
    let callee: Callee | undefined;
    const wait = (name: string) =>
      callees.wait('p.S/M', ANYBODY, () => {
        if (typeof callees.find('p.S/M', ANYBODY) === 'string') return false;
        order.push(name);
        callee!.occupy('p.S/M');
        return true;
      });
    const leave = wait('gone before');
    for (const name of ['one', 'two', 'three']) wait(name);
    leave?.();
    callee = callees.join(claim('a'), TUNNEL, () => undefined);
    callee.announce(announce(['p.S/M'], { maxCalls: 3 }));
    assert.deepEqual(order, ['one', 'two', 'three']);
    wait('four');
    const giveBack = callees.join(claim('b'), TUNNEL, () => undefined);
    giveBack.announce(announce(['p.S/Other']));
    assert.equal(order.length, 3, 'who serves something else is of no use');
  });
});
