import assert from 'node:assert/strict';
import { createMethodTable } from '../../server/tunnel/methods.ts';

const methodsOf = (server: number, count: number): string[] =>
  Array.from({ length: count }, (_, n) => `p.S${server}/M${n}`);

/** Processor time that this takes, in milliseconds. */
function spend(work: () => void): number {
  const before = process.cpuUsage();
  work();
  const { user, system } = process.cpuUsage(before);
  return (user + system) / 1_000;
}

describe('createMethodTable()', () => {
  it('forgets of those that nobody serves the one that has been so for longest', () => {
    const table = createMethodTable<string>(2, () => '');
    for (const method of ['a/1', 'a/2', 'a/3', 'a/4']) table.add(method, 'x', 'unary');
    table.remove('a/2', 'x');
    table.remove('a/1', 'x');
    table.remove('a/3', 'x');
    const isKnown = (method: string): boolean => table.servers(method) !== undefined;
    assert.deepEqual(['a/1', 'a/2', 'a/3', 'a/4'].map(isKnown), [true, false, true, true]);
    table.add('a/1', 'y', 'unary');
    table.remove('a/4', 'x');
    assert.deepEqual(['a/1', 'a/3', 'a/4'].map(isKnown), [true, true, true]);
    table.remove('a/1', 'y');
    assert.deepEqual(['a/1', 'a/3', 'a/4'].map(isKnown), [true, false, true]);
  });

  it('takes as much work for methods that all go at once as for those that come, however many stay', () => {
    const table = createMethodTable<number>(10_000, () => '');
    const servers = Array.from({ length: 100 }, (_, server) => server);
    const came = spend(() => {
      for (const server of servers) for (const method of methodsOf(server, 500)) table.add(method, server, undefined);
    });
    const went = spend(() => {
      for (const server of servers) for (const method of methodsOf(server, 500)) table.remove(method, server);
    });
    // A look at all that are still served, for each that goes, is thousands of times as much.
    assert.ok(went < 50 * Math.max(came, 10), `${came} ms to come, ${went} ms to go`);
  });
});
