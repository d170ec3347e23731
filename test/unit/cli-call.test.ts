import assert from 'node:assert/strict';
import { createRegistry, fromBinary } from '@bufbuild/protobuf';
import fc from 'fast-check';
import { describe, it } from 'mocha';
import { createJsonSplitter } from '../../cli/call/jsonvalues.ts';
import { collectHeaders } from '../../cli/call/metadata.ts';
import { parseMethodName } from '../../cli/call/name.ts';
import { encodeRequest } from '../../cli/call/request.ts';
import { EnqueueTasksRequestSchema } from '../../gen/index.ts';
import { countEdits, findNear } from '../../shared/near.ts';
import { Echo } from '../echo/gen/echo_pb.ts';

function split(...pieces: string[]): string[] {
  const splitter = createJsonSplitter(100_000);
  const values = pieces.flatMap((piece) => splitter.add(piece));
  const last = splitter.end();
  return [...values, ...(last ? [last] : [])].map(({ text }) => text);
}

describe('createJsonSplitter()', () => {
  it('finds values that follow each other in whatever way, wherever the text is cut', () => {
    const json = fc.jsonValue().map((value) => JSON.stringify(value, null, 1));
    const gap = fc.constantFrom(' ', '\n', '\r\n\t', '\n\n');
    fc.assert(
      fc.property(fc.array(fc.tuple(json, gap), { maxLength: 5 }), fc.integer({ min: 1, max: 7 }), (values, size) => {
        const text = values.map((parts) => parts.join('')).join('');
        const pieces = text.match(new RegExp(`[^]{1,${size}}`, 'gu')) ?? [];
        assert.deepEqual(
          split(...pieces),
          values.map(([value]) => value),
        );
      }),
      { numRuns: 500 },
    );
  });

  it('needs no space where an object, a list or a text ends', () => {
    assert.deepEqual(split('{"a":"}"}{"b":["\\"]"]}[1]"x"2 true{}'), [
      '{"a":"}"}',
      '{"b":["\\"]"]}',
      '[1]',
      '"x"',
      '2',
      'true',
      '{}',
    ]);
  });

  it('gives an object out with its last brace, and says in which line it began', () => {
    const splitter = createJsonSplitter(100);
    assert.deepEqual(splitter.add('\n{"a":\n1'), []);
    assert.deepEqual(splitter.add('}'), [{ text: '{"a":\n1}', line: 2 }]);
    assert.deepEqual(splitter.add('\n\n7'), []);
    assert.deepEqual(splitter.end(), { text: '7', line: 5 });
  });

  it('leaves what is no JSON to the parser', () => {
    assert.deepEqual(split('}{"a" nonsense'), ['}', '{"a" nonsense']);
    assert.deepEqual(split('[}1'), ['[}', '1']);
  });

  it('refuses a value that is longer than its limit, however it comes', () => {
    assert.throws(() => split(`"${'x'.repeat(100_000)}`), RangeError);
    const splitter = createJsonSplitter(1_000);
    for (let at = 0; at < 100; at++) splitter.add('[1,2,3,4,');
    assert.throws(() => Array.from({ length: 100 }, () => splitter.add('[1,2,3,4,')), RangeError);
  });
});

describe('encodeRequest()', () => {
  function refusal(json: string, place = 'request'): string {
    try {
      encodeRequest(EnqueueTasksRequestSchema, { text: json, line: 1 }, place, createRegistry());
    } catch (error) {
      return (error as Error).message;
    }
    return 'taken';
  }

  it('keeps the digits of numbers that JavaScript cannot hold', () => {
    const { output } = Echo.method.up;
    const bytes = encodeRequest(
      output,
      { text: '{"bytes": 18446744073709551615}', line: 1 },
      'request',
      createRegistry(),
    );
    assert.equal(fromBinary(output, bytes).bytes, 18_446_744_073_709_551_615n);
  });

  const good = '{"queue":"q","payload":"eA=="}';
  const cases: readonly (readonly [json: string, said: RegExp])[] = [
    ['{"tusks":[]}', /^request tusks: contact.v1.EnqueueTasksRequest has no such field; did you mean tasks\?$/],
    ['{"zzzzzz":[]}', /^request zzzzzz: .* has no such field; it has /],
    [`{"tasks":[${good},{"queue":7}]}`, /^request tasks\[1\]\.queue: expected string, got 7/],
    [`{"tasks":[${good},{"metadata":{"a":"b","c d":[]}}]}`, /^request tasks\[1\]\.metadata\["c d"\]: expected string/],
    ['{"tasks":[{"payload":"%"}]}', /^request tasks\[0\]\.payload: /],
    ['{"tasks":[{"priority":2147483648}]}', /^request tasks\[0\]\.priority: /],
    ['{"tasks":{}}', /^request tasks: expected Array/],
    ['[]', /^request: expected an object \(contact\.v1\.EnqueueTasksRequest\), got an array$/],
    ['null', /^request: expected an object \(.*\), got null$/],
    ['{"tasks":[7]}', /^request tasks\[0\]: expected an object \(.*\), got 7$/],
    ['{"tasks":[}', /^request: no JSON: /],
  ];
  for (const [json, said] of cases) {
    it(`names what is wrong by its path: ${json}`, () => assert.match(refusal(json), said));
  }

  it('names the request, and the line that it begins in', () => {
    const broken = { text: '{', line: 7 };
    const encode = () => encodeRequest(EnqueueTasksRequestSchema, broken, 'request 3', createRegistry());
    assert.throws(encode, /^CommandFailure: request 3: no JSON \(from line 7 on\): /);
  });
});

describe('findNear()', () => {
  it('counts what has to be changed', () => {
    assert.equal(countEdits('', 'abc'), 3);
    assert.equal(countEdits('kitten', 'sitting'), 3);
    assert.equal(countEdits('form', 'from'), 1);
  });

  it('counts up to a limit as without one, and beyond it says only that there are more', () => {
    const words = ['', 'a', 'form', 'from', 'kitten', 'sitting', 'abcdefgh', 'badcfehg', 'hgfedcba', 'mial', 'mails'];
    for (const one of words) {
      for (const other of words) {
        const edits = countEdits(one, other);
        for (let limit = 0; limit < 9; limit++) {
          const counted = countEdits(one, other, limit);
          if (edits <= limit) assert.equal(counted, edits, `${one} ${other} ${limit}`);
          else assert.ok(counted > limit, `${one} ${other} ${limit}`);
        }
      }
    }
  });

  it('finds what was meant: typing errors, other case, the name without its package', () => {
    const names = ['helloworld.Greeter', 'routeguide.RouteGuide', 'contact.v1.TaskService'];
    assert.deepEqual(findNear('helloworld.greter', names), ['helloworld.Greeter']);
    assert.deepEqual(findNear('RouteGuide', names), ['routeguide.RouteGuide']);
    assert.deepEqual(findNear('nothing.alike', names), []);
  });
});

describe('parseMethodName()', () => {
  it('takes a method as paths, tools and descriptors write it', () => {
    const expected = { service: 'a.b.C', method: 'D' };
    for (const text of ['a.b.C/D', '/a.b.C/D', 'a.b.C.D']) assert.deepEqual(parseMethodName(text), expected);
    for (const text of ['', 'C', 'a.b.C/', '/D', 'a b/D', 'a/b/C']) {
      assert.throws(() => parseMethodName(text), { exitCode: 2 }, text);
    }
  });
});

describe('collectHeaders()', () => {
  it('takes pairs in their order, also with the same key', () => {
    const first = collectHeaders('X-Mode: a: b', undefined);
    assert.deepEqual(collectHeaders('x-mode:', first), [
      ['x-mode', 'a: b'],
      ['x-mode', ''],
    ]);
    assert.deepEqual(collectHeaders('x-bin: AAE=', undefined), [['x-bin', 'AAE=']]);
  });

  it('refuses what no call can carry', () => {
    for (const text of ['x', ': y', 'a b: c', 'x: ü', 'x-bin: %', 'grpc-timeout: 1S', 'content-type: text/plain']) {
      assert.throws(() => collectHeaders(text, undefined), { code: 'commander.invalidArgument' }, text);
    }
  });
});
