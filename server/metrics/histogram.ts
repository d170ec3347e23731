import { type Bounds, bucketOf } from './columns.ts';
import type { Sample } from './sample.ts';

/** A histogram of plain numbers. */
export interface Histogram {
  readonly bounds: Bounds;
  /** Values by bucket, each with what is in it alone. */
  readonly counts: readonly number[];
  readonly sum: number;
  observe(value: number): void;
}

export function createHistogram(bounds: Bounds): Histogram {
  const counts = new Array<number>(bounds.length + 1).fill(0);
  let sum = 0;
  return {
    bounds,
    counts,
    get sum() {
      return sum;
    },
    observe(value) {
      counts[bucketOf(bounds, value)]! += 1;
      sum += value;
    },
  };
}

/** The samples of a histogram, whose buckets hold all that is below them. */
export function samplesOf(
  name: string,
  { bounds, counts, sum }: Pick<Histogram, 'bounds' | 'counts' | 'sum'>,
  labels?: Sample['labels'],
): Sample[] {
  let count = 0;
  const buckets = counts.map((value, at) => {
    count += value;
    return { metricName: `${name}_bucket`, labels: { ...labels, le: String(bounds[at] ?? '+Inf') }, value: count };
  });
  return [
    ...buckets,
    { metricName: `${name}_sum`, labels, value: sum },
    { metricName: `${name}_count`, labels, value: count },
  ];
}
