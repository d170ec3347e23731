import assert from 'node:assert/strict';
import { readTraceparent } from '../../shared/traceparent.ts';

const TRACE = '0af7651916cd43dd8448eb211c80319c';
const SPAN = 'b7ad6b7169203331';
const IDS = `${TRACE}-${SPAN}`;

describe('readTraceparent()', () => {
  const taken: readonly (readonly [string, string, number])[] = [
    ['of version 0', `00-${IDS}-01`, 1],
    ['of version 0, not sampled', `00-${IDS}-00`, 0],
    ['of version 0, with flags that it does not know', `00-${IDS}-ff`, 255],
    ['of a later version', `01-${IDS}-01`, 1],
    ['of a later version, with more behind it', `cc-${IDS}-01-what-the-future-will-be-like`, 1],
    ['of a later version, with a dash and nothing behind it', `cc-${IDS}-01-`, 1],
    ['of a later version, of whose flags we know one', `fe-${IDS}-f2`, 0],
  ];
  for (const [what, text, flags] of taken) {
    it(`takes one ${what}`, () => {
      assert.deepEqual(readTraceparent(text), { traceId: TRACE, spanId: SPAN, flags });
    });
  }

  const left: readonly (readonly [string, string])[] = [
    ['is empty', ''],
    ['has version ff', `ff-${IDS}-01`],
    ['has version 0 and more behind it', `00-${IDS}-01-more`],
    ['has version 0 and a dash behind it', `00-${IDS}-01-`],
    ['has a later version and goes on without a dash', `01-${IDS}-01.more`],
    ['has a later version and flags of three digits', `01-${IDS}-011`],
    ['has no flags', `00-${IDS}`],
    ['has no version', `${IDS}-01`],
    ['has upper case', `00-${TRACE.toUpperCase()}-${SPAN}-01`],
    ['has a trace of zeros', `00-${'0'.repeat(32)}-${SPAN}-01`],
    ['has a span of zeros', `01-${TRACE}-${'0'.repeat(16)}-01`],
    ['has a trace that is too short', `00-${TRACE.slice(1)}-${SPAN}-01`],
    ['has digits that are none', `00-${TRACE.slice(1)}g-${SPAN}-01`],
    ['begins with a blank', ` 00-${IDS}-01`],
    ['ends with a line', `01-${IDS}-01\n`],
    ['has a second line behind it', `01-${IDS}-01-a\nb`],
  ];
  for (const [what, text] of left) {
    it(`takes none that ${what}`, () => {
      assert.equal(readTraceparent(text), undefined);
    });
  }
});
