import assert from 'node:assert/strict';
import { describe, it } from 'mocha';
import {
  booleans,
  either,
  listOf,
  numbers,
  orNothing,
  textsOf,
  type Values,
  wordsOf,
} from '../../server/config/values.ts';
import { resolveOptions, type ServerOptions } from '../../server/options.ts';

describe('the values that a program may give', () => {
  const names = textsOf('a name', (text) => /^[a-z]+$/.test(text));
  const cases: readonly [
    title: string,
    values: Values<unknown>,
    taken: readonly unknown[],
    refused: readonly unknown[],
  ][] = [
    ['whole numbers', numbers({ min: 1, max: 9 }), [1, 9], [0, 10, 1.5, '1', Number.NaN, undefined, null, [1]]],
    ['numbers', numbers({ min: 0, max: 9, isFractional: true }), [0, 0.5, 9], [-0.1, 9.1, Number.NaN, '1', true]],
    ['numbers without an end', numbers({ min: 0, max: Number.MAX_SAFE_INTEGER }), [2 ** 53 - 1], [2 ** 53, Infinity]],
    ['true and false', booleans(), [true, false], ['true', 1, 0, null, undefined]],
    ['words', wordsOf(['on', 'off']), ['on', 'off'], ['', 'On', 'toString', ['on'], undefined]],
    ['texts', names, ['a'], ['', 'A', 1, ['a'], { toString: () => 'a' }]],
    [
      'lists',
      listOf(names, { min: 1, max: 2 }),
      [['a'], ['a', 'b']],
      [[], ['a', 'b', 'c'], ['a', 1], 'a', { length: 0 }],
    ],
    ['lists of any length', listOf(names), [[], Array.from({ length: 1_000 }, () => 'a')], ['', undefined]],
    ['one or several', either(names, listOf(names, { min: 1 })), ['a', ['a']], [[], [['a']], 1]],
    ['one or none', orNothing(names), ['a', undefined], [null, '', 0]],
  ];
  for (const [title, values, taken, refused] of cases) {
    it(`are ${title}: ${values.form}`, () => {
      for (const value of taken) assert.equal(values.has(value), true, String(value));
      for (const value of refused) assert.equal(values.has(value), false, JSON.stringify(value) ?? 'undefined');
    });
  }
});

describe('resolveOptions()', () => {
  it('names the option, what was expected and what came', () => {
    const cases: readonly [given: object, message: string][] = [
      [{ pingIntervalMs: 0 }, 'pingIntervalMs: expected a whole number from 1 to 2147483647, got `0`'],
      [{ maxPayloadBytes: 1.5 }, 'maxPayloadBytes: expected a whole number from 1 to 67108864, got `1.5`'],
      [{ retainDays: -1 }, 'retainDays: expected a number from 0 to 36500, got `-1`'],
      [{ classicSettleOnWrite: 'no' }, 'classicSettleOnWrite: expected true or false, got `no`'],
      [{ auth: 'maybe' }, 'auth: expected one of on, off, got `maybe`'],
      [{ node: 'a b' }, 'node: expected [A-Za-z0-9._:/-], 1 to 128 characters, got `a b`'],
      [{ store: '' }, 'store: expected sqlite:PATH, or memory:, got ``'],
      [
        { listen: [] },
        'listen: expected HOST:PORT or unix:PATH, or a list with something in it, each HOST:PORT or unix:PATH, got ``',
      ],
      [
        { listen: 1 },
        'listen: expected HOST:PORT or unix:PATH, or a list with something in it, each HOST:PORT or unix:PATH, got `1`',
      ],
    ];
    for (const [given, message] of cases) {
      assert.throws(
        () => resolveOptions(given as Partial<ServerOptions>),
        { code: 'INVALID_ARGUMENT', message },
        message,
      );
    }
  });
});
