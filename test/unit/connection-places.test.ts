import assert from 'node:assert/strict';
import type net from 'node:net';
import { ANONYMOUS, type Caller } from '../../server/model/caller.ts';
import { createEventCounts } from '../../server/model/figures.ts';
import { createConnection, type Way } from '../../server/transport/connection.ts';
import { readConnectionLimits } from '../../server/transport/connection_limits.ts';
import { createConnectionPlaces } from '../../server/transport/connection_places.ts';
import { sourceOf } from '../../server/transport/source.ts';
import { createFakeClock } from '../scene/clock.ts';
import { createLogbook } from '../scene/logbook.ts';

const unsaid = { reservedConnections: undefined, maxConnectionsPerPrincipal: undefined };

describe('readConnectionLimits()', () => {
  it('keeps a tenth for operators, 100 at most, and gives half to a principal', () => {
    const read = (maxConnections: number, isAuthOn = true) => {
      const { reserved, perPrincipal } = readConnectionLimits({ ...unsaid, maxConnections }, isAuthOn);
      return [reserved, perPrincipal];
    };
    assert.deepEqual(read(10_000), [100, 5_000]);
    assert.deepEqual(read(824), [82, 412]);
    assert.deepEqual(read(9), [1, 5]);
    assert.deepEqual(read(2), [1, 1]);
    assert.deepEqual(read(1), [0, 1]);
    assert.deepEqual(read(10_000, false), [0, 5_000]);
  });

  it('takes what is said, thousands for one principal too', () => {
    const said = { maxConnections: 50_000, reservedConnections: 7, maxConnectionsPerPrincipal: 49_000 };
    assert.deepEqual(readConnectionLimits(said, true), {
      maxConnections: 50_000,
      reserved: 7,
      perPrincipal: 49_000,
    });
  });
});

describe('sourceOf()', () => {
  it('is an address of IPv4, and a network of IPv6', () => {
    for (const [address, source] of [
      ['192.0.2.7', '192.0.2.7'],
      ['::ffff:192.0.2.7', '192.0.2.7'],
      ['2001:db8:1:2:3:4:5:6', '2001:db8:1:2'],
      ['2001:db8:1:2::6', '2001:db8:1:2'],
      ['2001:db8::6', '2001:db8:0:0'],
      ['fe80::1%eth0', 'fe80:0:0:0'],
      ['::1', '0:0:0:0'],
      ['', ''],
    ] as const)
      assert.equal(sourceOf(address), source, address);
  });
});

describe('createConnectionPlaces()', () => {
  function prepare(maxConnections: number, reservedConnections = 0) {
    const [clock, book, counts] = [createFakeClock(), createLogbook(), createEventCounts()];
    const limits = readConnectionLimits({ maxConnections, reservedConnections, maxConnectionsPerPrincipal: 3 }, true);
    const places = createConnectionPlaces({ clock, logger: book, counts, limits, onChange: () => undefined });
    const open = (remoteAddress = '192.0.2.1', way: Way = 'port') => {
      const one = { isDestroyed: false, hasEntered: false };
      const destroy = (): void => {
        one.isDestroyed = true;
      };
      const socket = { remoteAddress, destroy } as unknown as net.Socket;
      const connection = createConnection(socket, way);
      one.hasEntered = places.enter(connection);
      return Object.assign(one, { connection });
    };
    return { clock, book, counts, places, open };
  }

  const caller = (principal: string, ...roles: Caller['roles'] extends ReadonlySet<infer R> ? R[] : never): Caller => ({
    ...ANONYMOUS,
    kind: 'token',
    principal,
    roles: new Set(roles),
  });

  it('has who opens many give way to itself first', () => {
    const { places, open } = prepare(4);
    const [honest, ...hostile] = [open(), open('192.0.2.2'), open('192.0.2.2'), open('192.0.2.2')];
    open('192.0.2.2');
    open('192.0.2.3');
    assert.deepEqual(
      [honest!, ...hostile].map((one) => one.isDestroyed),
      [false, true, true, false],
    );
    assert.equal(places.size, 4);
  });

  it('has newcomers over the socket of operators give way to each other alone', () => {
    const { open } = prepare(2);
    const operators = open('', 'operators');
    const other = open();
    open();
    assert.deepEqual([operators.isDestroyed, other.isDestroyed], [false, true]);
    const second = open('', 'operators');
    assert.deepEqual([operators.isDestroyed, second.hasEntered], [false, true]);
    assert.equal(open().hasEntered, false);
    assert.equal(open('', 'operators').hasEntered, true);
    assert.equal(operators.isDestroyed, true);
  });

  it('counts a connection for the principals of its open calls, and for the one that called last', () => {
    const { places, open } = prepare(10);
    const [a, b] = [caller('token:a'), caller('token:b')];
    const { connection } = open();
    const call = (who: Caller): (() => void) => {
      places.hold(connection, who);
      places.keepFor(connection, who);
      return () => places.release(connection, who);
    };
    const has = (): string[] => [...connection.holders.keys()].sort();
    const [endA, endAgain] = [call(a), call(a)];
    const endB = call(b);
    assert.deepEqual([has(), places.admitted], [['token:a', 'token:b'], 1]);
    endA();
    assert.deepEqual(has(), ['token:a', 'token:b']);
    endAgain();
    endB();
    assert.deepEqual([has(), places.admitted], [['token:b'], 1]);
    places.keepFor(connection, undefined);
    assert.deepEqual([has(), places.admitted], [[], 0]);
    const endLate = call(a);
    places.forget(connection);
    endLate();
    assert.deepEqual([places.size, places.admitted], [0, 0]);
    for (let n = 0; n < 3; n++) places.hold(open().connection, a);
    assert.throws(() => places.hold(open().connection, a), { code: 'RESOURCE_EXHAUSTED', field: 'connections' });
  });

  it('keeps some for operators who have few, and the last for their socket', () => {
    const { places, open } = prepare(20, 16);
    const admit = (who: Caller, way: Way = 'port'): string => {
      const { connection } = open('192.0.2.1', way);
      try {
        places.hold(connection, who);
        return 'OK';
      } catch (error) {
        return (error as { code: string }).code;
      }
    };
    for (const name of ['a', 'b', 'c', 'd']) assert.equal(admit(caller(`token:${name}`, 'worker')), 'OK', name);
    assert.equal(admit(caller('token:e', 'producer')), 'RESOURCE_EXHAUSTED');
    const [first, ...others] = ['o', 'p', 'q', 'r'].map((name) => caller(`token:${name}`, 'operator'));
    assert.deepEqual([admit(first!), admit(first!), admit(first!)], ['OK', 'OK', 'RESOURCE_EXHAUSTED']);
    for (const one of others) assert.deepEqual([admit(one), admit(one)], ['OK', 'OK']);
    assert.equal(admit(caller('token:s', 'operator')), 'RESOURCE_EXHAUSTED');
    assert.equal(admit(caller('operator', 'operator'), 'operators'), 'OK');
  });

  it('counts a connection once for the operator that has made those who call over it, and refuses one more', () => {
    const { places, open } = prepare(20);
    const made = (name: string): Caller => ({ ...caller(`token:${name}`, 'worker'), countedFor: 'token:maker' });
    const [first, second] = [open().connection, open().connection];
    for (const name of ['a', 'b', 'c', 'd']) places.hold(first, made(name));
    places.hold(second, made('a'));
    const third = open().connection;
    places.hold(third, caller('token:maker', 'worker'));
    const refused = {
      code: 'RESOURCE_EXHAUSTED',
      problem: /^token:maker and those that it has made have 3, and may have 3/,
    };
    const fourth = open().connection;
    assert.throws(() => places.hold(fourth, made('e')), refused);
    assert.deepEqual([fourth.holders.size, places.admitted], [0, 3]);
    places.hold(fourth, caller('token:other', 'worker'));
    assert.throws(() => places.hold(fourth, made('e')), refused);
    assert.deepEqual([...fourth.holders.keys()], ['token:other']);
    for (const name of ['a', 'b', 'c', 'd']) {
      assert.throws(() => places.hold(fourth, made('e')), refused, name);
      places.release(first, made(name));
    }
    places.hold(fourth, made('e'));
    assert.equal(places.admitted, 3);
  });

  it('keeps no more of the reserve for all operators that one of a few queues has made than for that one', () => {
    const { places, open } = prepare(20, 16);
    const admit = (who: Caller): string => {
      try {
        places.hold(open().connection, who);
        return 'OK';
      } catch (error) {
        return (error as { code: string }).code;
      }
    };
    const made = (name: string): Caller => ({ ...caller(`token:${name}`, 'operator'), countedFor: 'token:maker' });
    for (const name of ['a', 'b', 'c', 'd']) assert.equal(admit(caller(`token:${name}`, 'worker')), 'OK', name);
    assert.deepEqual(
      [admit(made('p')), admit(made('q')), admit(made('r')), admit(caller('token:maker', 'operator'))],
      ['OK', 'OK', 'RESOURCE_EXHAUSTED', 'RESOURCE_EXHAUSTED'],
    );
    assert.equal(admit(caller('token:other', 'operator')), 'OK');
    assert.equal(admit({ ...caller('client:robot', 'worker'), countedFor: 'token:maker' }), 'RESOURCE_EXHAUSTED');
  });

  it('keeps the one place of a reserve of one for their socket', () => {
    const { places, open } = prepare(3, 1);
    for (const name of ['a', 'b']) places.hold(open().connection, caller(`token:${name}`, 'worker'));
    const narrow = caller('token:o', 'operator');
    assert.throws(() => places.hold(open().connection, narrow), { code: 'RESOURCE_EXHAUSTED', field: 'connections' });
    places.hold(open('', 'operators').connection, caller('operator', 'operator'));
    assert.equal(places.admitted, 3);
  });

  it('tells the log once a minute, with how many there were', () => {
    const { clock, book, counts, open } = prepare(1);
    for (let n = 0; n < 5; n++) open();
    clock.advance(59_999);
    open();
    clock.advance(1);
    open();
    assert.deepEqual(
      book.lines.map(({ level, count, open: opened }) => [level, count, opened]),
      [
        ['warn', 1, 1],
        ['warn', 5, 1],
      ],
    );
    assert.equal(counts.endedConnections.displaced, 6);
  });
});
