import assert from 'node:assert/strict';
import { joinNames, listNames } from '../../server/tunnel/listing.ts';

const long = (client: number): Set<string> =>
  new Set(Array.from({ length: 1_000 }, (_, at) => `${'p'.repeat(240)}.C${client}.S${at}`));

describe('listNames()', () => {
  it('names each once, those of who has fewest first', () => {
    const names = listNames([new Set(['p.A', 'p.B', 'p.C']), new Set(['p.D']), new Set(['p.A', 'p.E'])]);
    assert.deepEqual([...names], ['p.D', 'p.A', 'p.E', 'p.B', 'p.C']);
  });

  it('answers no more than stock clients take, and leaves out names of who has most of them', () => {
    const names = listNames([...Array.from({ length: 30 }, (_, client) => long(client)), new Set(['p.Small'])]);
    const bytes = [...names].reduce((sum, name) => sum + name.length + 8, 0);
    assert.ok(names.has('p.Small'));
    assert.ok(bytes > 3_000_000 && bytes <= 3_145_728, `${bytes} bytes`);
  });

  it('leaves nobody out who has few because somebody has much', () => {
    assert.deepEqual([...listNames([new Set(['p.Long', 'p.Longer']), new Set(['p.A'])], 30)], ['p.A', 'p.Long']);
  });
});

describe('joinNames()', () => {
  it('has the names of the clients of one principal together, each once, and those of nobody by client', () => {
    const client = (subject: string, clientId: string, ...names: string[]) => ({
      claimant: { subject, clientId },
      described: new Set(names),
    });
    const joined = joinNames([
      client('token:a', 'a1', 'p.A', 'p.B'),
      client('', 'n1', 'p.N'),
      client('token:a', 'a2', 'p.A', 'p.C'),
      client('', 'n2', 'p.N'),
    ]);
    assert.deepEqual(
      joined.map((names) => [...names]),
      [['p.A', 'p.B', 'p.C'], ['p.N'], ['p.N']],
    );
  });
});
