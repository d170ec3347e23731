import assert from 'node:assert/strict';
import { drawSparkline } from '../../cli/sparkline.ts';

describe('drawSparkline()', () => {
  it('has a bar for each value, as high as it is of the largest', () => {
    assert.equal(drawSparkline([7, 6, 5, 4, 3, 2, 1, 0]), '█▇▆▅▄▃▂▁');
    assert.equal(drawSparkline([0, 0.5, 1_000_000]), '▁▂█');
  });

  it('shows a gap as a gap, and not as zero', () => {
    assert.equal(drawSparkline([null, 0, null, 3]), ' ▁ █');
    assert.equal(drawSparkline([]), '');
    assert.equal(drawSparkline([0, 0]), '▁▁');
  });
});
