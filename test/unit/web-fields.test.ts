import assert from 'node:assert/strict';
import { timestampDate } from '@bufbuild/protobuf/wkt';
import {
  flag,
  instant,
  many,
  nested,
  pairs,
  readFields,
  readQuery,
  required,
  text,
  whole,
  word,
} from '../../server/web/fields.ts';
import { readPayload } from '../../server/web/payload.ts';
import { nameField } from '../../server/web/problem.ts';
import { findRoutes } from '../../server/web/routes.ts';
import { ContactError } from '../../shared/errors.ts';

const FIELDS = {
  name: required(text('')),
  state: many(word('', ['ready', 'failed'])),
  priority: whole('', { min: -5, max: 5 }),
  isFine: flag(''),
  at: instant(''),
  labels: pairs(''),
  target: nested('', { client: text('') }),
};

function refusal(act: () => unknown): string {
  try {
    act();
  } catch (error) {
    assert.ok(error instanceof ContactError, String(error));
    assert.equal(error.code, 'INVALID_ARGUMENT');
    return error.message;
  }
  return 'OK';
}

describe('readFields()', () => {
  it('reads what is said, and leaves out what is not', () => {
    const read = readFields(FIELDS, {
      ...{ name: 'a', state: ['ready'], priority: -5, isFine: true, labels: { a: 'b' }, target: { client: 'c' } },
      at: '2027-01-31T08:00:00+01:00',
    });
    assert.equal(timestampDate(read.at!).toISOString(), '2027-01-31T07:00:00.000Z');
    assert.deepEqual(
      { ...read, at: 0 },
      { name: 'a', state: ['ready'], priority: -5, isFine: true, labels: { a: 'b' }, target: { client: 'c' }, at: 0 },
    );
    assert.deepEqual(readFields(FIELDS, { name: 'b' }), { name: 'b' });
  });

  const cases: readonly (readonly [given: unknown, refusal: RegExp])[] = [
    [[], /^request: expected an object, got a list/],
    [{}, /^name: is required/],
    [{ name: 'a', prioriti: 1 }, /^prioriti: is not known; is it `priority`\?/],
    [{ name: 'a', constructor: 1 }, /^constructor: is not known/],
    [JSON.parse('{"name":"a","__proto__":{"name":"b"}}'), /^__proto__: is not known/],
    [{ name: 1 }, /^name: expected a text, got 1/],
    [{ name: null }, /^name: expected a text, got null/],
    [{ name: 'a', state: 'ready' }, /^state: expected a list, got a text/],
    [{ name: 'a', state: ['ready', 'odd'] }, /^state\[1\]: expected one of ready, failed/],
    [{ name: 'a', priority: 6 }, /^priority: expected a whole number from -5 to 5, got 6/],
    [{ name: 'a', priority: 1.5 }, /^priority: expected a whole number/],
    [{ name: 'a', priority: '1' }, /^priority: expected a whole number from -5 to 5, got a text/],
    [{ name: 'a', isFine: 'true' }, /^isFine: expected true or false/],
    [{ name: 'a', at: '31.1.2027' }, /^at: expected an instant/],
    [{ name: 'a', at: '2027-02-31T09:00:00Z' }, /^at: expected an instant/],
    [{ name: 'a', labels: { a: 1 } }, /^labels\.a: expected a text, got 1/],
    [{ name: 'a', target: { klient: 'x' } }, /^target\.klient: is not known; is it `client`\?/],
  ];
  for (const [given, expected] of cases) {
    it(`refuses ${JSON.stringify(given)}, naming the field`, () => {
      assert.match(
        refusal(() => readFields(FIELDS, given)),
        expected,
      );
    });
  }
});

describe('readQuery()', () => {
  const read = (query: string) => readQuery(FIELDS, new URLSearchParams(query));

  it('reads what a URL says once or more often', () => {
    assert.deepEqual(read('name=a&state=ready&state=failed&priority=-3&isFine=false&labels=a%3Db&labels=c%3D'), {
      ...{ name: 'a', state: ['ready', 'failed'], priority: -3, isFine: false },
      labels: { a: 'b', c: '' },
    });
  });

  it('refuses what is there twice and may be once, and what is not known', () => {
    assert.match(
      refusal(() => read('name=a&name=b')),
      /^name: is there more than once/,
    );
    assert.match(
      refusal(() => read('name=a&priority=1e3')),
      /^priority: expected a whole number/,
    );
    assert.match(
      refusal(() => read('name=a&access_token=x')),
      /^access_token: is not known/,
    );
    assert.match(
      refusal(() => read('name=a&labels=x')),
      /^labels: expected key=value/,
    );
  });
});

describe('readPayload()', () => {
  const show = (value: unknown, contentType?: string): string => {
    const { payload, contentType: type } = readPayload(value, contentType);
    return `${Buffer.from(payload).toString('latin1')} ${type}`;
  };

  it('is a value of JSON, a text of another type, or bytes', () => {
    assert.equal(show({ a: [1] }), '{"a":[1]} application/json');
    assert.equal(show('x'), '"x" application/json');
    assert.equal(show(null), 'null application/json');
    assert.equal(show('x', 'text/plain'), 'x text/plain');
    assert.equal(show({ base64: 'AP8=' }), '\0\xff ');
    assert.equal(show({ base64: 'AP8' }, 'image/png'), '\0\xff image/png');
    assert.equal(show({ base64: 'AP8=' }, 'application/json'), '{"base64":"AP8="} application/json');
    assert.equal(show({ base64: 'AP8=', more: 1 }), '{"base64":"AP8=","more":1} application/json');
    assert.equal(show(undefined), ' ');
  });

  it('is refused where it fits no type', () => {
    assert.match(
      refusal(() => readPayload({ base64: '!' }, undefined)),
      /^payload\.base64: expected base64/,
    );
    assert.match(
      refusal(() => readPayload({ a: 1 }, 'text/plain')),
      /^payload: of text\/plain expected a text/,
    );
  });
});

describe('nameField()', () => {
  it('says fields of the contract as requests of JSON have them', () => {
    const cases = [
      ['filter.queues[1]', 'queue[1]'],
      ['task.idempotency_key', 'key'],
      ['.max_attempts', 'maxAttempts'],
      ['page_size', 'limit'],
      ['tasks[3].content_type', 'tasks[3].contentType'],
      ['ids[0]', 'ids[0]'],
      ['retention.seconds', 'retention.seconds'],
    ] as const;
    for (const [field, name] of cases) assert.equal(nameField(field), name);
  });
});

describe('findRoutes()', () => {
  it('takes parts of a path as they were encoded, and literal ones before others', () => {
    assert.deepEqual(findRoutes('/v1/queues/mail%2Fout/tasks').params, { queue: 'mail/out' });
    assert.deepEqual(
      [...findRoutes('/v1/tasks/count').routes.values()].map(({ path }) => path),
      ['/v1/tasks/count'],
    );
    assert.deepEqual(findRoutes('/v1/tasks/x').params, { id: 'x' });
  });

  it('finds nothing at odd paths', () => {
    const odd = [
      '',
      '/',
      '*',
      '/v1',
      '/v1/queues//tasks',
      '/v1/queues/%zz/tasks',
      '/v1/tasks/',
      '/v1/queues/a/b/c/d/e/f/g/h/i/j',
      '//v1/tasks',
    ];
    for (const path of odd) assert.equal(findRoutes(path).routes.size, 0, path);
  });
});
