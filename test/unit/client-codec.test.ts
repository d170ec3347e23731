import assert from 'node:assert/strict';
import { describe, it } from 'mocha';
import { ContactError, json } from '../../client/index.ts';
import { buildTask } from '../../client/newtask.ts';

/** What a reader of the payload gets. */
const pass = (value: unknown): unknown => json.decode(buildTask('q', value, {}, json).payload, json.contentType);

const LOST: readonly [unknown, RegExp][] = [
  [() => 1, /^payload: JSON has no form for a value of type function$/],
  [Symbol('x'), /^payload: JSON has no form for a value of type symbol$/],
  [undefined, /^payload: expected a value, got undefined$/],
  [Number.NaN, /^payload: JSON has no form for NaN$/],
  [Number.NEGATIVE_INFINITY, /^payload: JSON has no form for -Infinity$/],
  [new Date(Number.NaN), /^payload: JSON has no form for an object \(Date\)$/],
  [new Map([[1, 2]]), /^payload: JSON has no form for an object \(Map\)$/],
  [new Set([1]), /\(Set\)$/],
  [Promise.resolve(1), /\(Promise\)$/],
  [new Error('x'), /\(Error\)$/],
  [/x/, /\(RegExp\)$/],
  [new Uint8Array(2), /\(Uint8Array\)$/],
  [new ArrayBuffer(2), /\(ArrayBuffer\)$/],
  [10n, /^payload: /],
];

describe('the JSON codec', () => {
  it('refuses a payload that would reach the handler as something else, naming it', () => {
    for (const [value, message] of LOST) {
      assert.throws(
        () => pass(value),
        (error) =>
          error instanceof ContactError &&
          error.code === 'INVALID_ARGUMENT' &&
          error.field === 'payload' &&
          message.test(error.message),
        String(message),
      );
    }
  });

  it('passes on what JSON has a form for', () => {
    class Point {
      x = 1;
    }
    class Empty {}
    const values: readonly [unknown, unknown][] = [
      [null, null],
      [0, 0],
      ['', ''],
      [[], []],
      [{}, {}],
      [Object.create(null), {}],
      [new Point(), { x: 1 }],
      [new Empty(), {}],
      [new Date(0), '1970-01-01T00:00:00.000Z'],
      [{ toJSON: () => null }, null],
      [[Number.NaN], [null]],
      [{ a: undefined }, {}],
    ];
    for (const [value, wanted] of values) assert.deepEqual(pass(value), wanted);
  });

  it('takes a handler that answers nothing for one that answers null', () => {
    assert.equal(json.decode(json.encode(undefined), json.contentType), null);
  });
});
