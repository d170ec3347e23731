import assert from 'node:assert/strict';
import fc from 'fast-check';
import { parseSelector } from '../../server/model/selector.ts';

const parse = (text: string) => parseSelector(text, 'selector');

describe('parseSelector()', () => {
  const labels = { site: 'berlin', arch: 'arm64', empty: '', ['__proto__']: '_one', '-x': '.5', _: '/' };
  const cases: readonly [string, boolean][] = [
    ['site=berlin', true],
    ['site==berlin', true],
    ['site=paris', false],
    ['site!=paris', true],
    ['site!=berlin', false],
    ['zone!=a', true],
    ['site in (berlin, paris)', true],
    ['site notin (berlin)', false],
    ['zone notin (a)', true],
    ['zone in (a)', false],
    ['arch', true],
    ['!arch', false],
    ['!zone', true],
    ['empty=', true],
    ['site=', false],
    ['site=berlin,arch=arm64', true],
    [' site = berlin , ! zone , arch in (arm64) ', true],
    ['site=berlin,arch=amd64', false],
    ['constructor', false],
    ['!constructor', true],
    ['__proto__', true],
    ['__proto__=_one', true],
    ['!__proto__', false],
    ['__proto__ in (a, _one)', true],
    ['__proto__!=a', true],
    ['-x=.5,_ notin (:)', true],
    ['-x=5', false],
  ];
  for (const [text, expected] of cases) {
    it(`${expected ? 'matches' : 'does not match'} ${JSON.stringify(text)}`, () => {
      assert.equal(parse(text).matches(labels), expected);
    });
  }

  for (const text of [
    '',
    ' ',
    ',',
    'a,',
    'a=b c',
    '=b',
    'a in b',
    'a in ()',
    'a in (b',
    'a in (b,)',
    '!',
    '!a=b',
    'a=b=c',
    'a;b',
    '(a)',
  ]) {
    it(`refuses ${JSON.stringify(text)}, naming the field`, () => {
      assert.throws(() => parse(text), { code: 'INVALID_ARGUMENT', message: /^selector: / });
    });
  }

  it('gives one canonical form to all spellings', () => {
    assert.equal(parse('b in (y, x,y) , a == 1').canonical, parse('a=1,b in (x,y)').canonical);
    assert.equal(parse('a in (1)').canonical, 'a=1');
  });

  it('reads its canonical form as the same selector', () => {
    const word = fc.stringMatching(/^[a-z0-9][a-z0-9.-]{0,3}$/);
    const requirement = fc.oneof(
      word,
      word.map((key) => `!${key}`),
      fc.tuple(word, fc.constantFrom('=', '==', '!='), word).map((parts) => parts.join(' ')),
      fc
        .tuple(word, fc.constantFrom('in', 'notin'), fc.array(word, { minLength: 1, maxLength: 3 }))
        .map(([key, operator, values]) => `${key} ${operator} (${values.join(', ')})`),
    );
    const some = fc.array(requirement, { minLength: 1, maxLength: 4 }).map((all) => all.join(','));
    fc.assert(
      fc.property(some, fc.dictionary(word, word), (text, labels) => {
        const selector = parse(text);
        const again = parse(selector.canonical);
        assert.equal(again.canonical, selector.canonical);
        assert.equal(again.matches(labels), selector.matches(labels));
      }),
    );
  });
});
