import assert from 'node:assert/strict';
import { createRequire } from 'node:module';
import type { Scene } from './server.ts';

/** Values of a scrape, read by a parser that is not ours. */
export interface Scraped {
  /** Of one series. Undefined: there is none of these labels. */
  value(name: string, labels?: Readonly<Record<string, string>>): number | undefined;
  /** Values of one label, sorted. */
  labels(name: string, label: string): readonly string[];
  /** Values by bucket (`le`), and how many there are. */
  histogram(
    name: string,
    labels?: Readonly<Record<string, string>>,
  ): { buckets: Record<string, number>; count: number; sum: number };
  readonly names: readonly string[];
  readonly text: string;
}

interface ParsedMetric {
  readonly labels?: Readonly<Record<string, string>>;
  readonly value?: string;
}

interface ParsedFamily {
  readonly name: string;
  readonly metrics: readonly ParsedMetric[];
}

// The package has no types.
const parse: (text: string) => readonly ParsedFamily[] = createRequire(import.meta.url)('parse-prometheus-text-format');

type Labels = Readonly<Record<string, string>>;

function matches(own: Labels, wanted: Labels): boolean {
  return (
    Object.keys(own).length === Object.keys(wanted).length &&
    Object.entries(wanted).every(([key, value]) => own[key] === value)
  );
}

function find(families: readonly ParsedFamily[], name: string, labels: Labels): ParsedMetric | undefined {
  return families.find((family) => family.name === name)?.metrics.find((one) => matches(one.labels ?? {}, labels));
}

export function readMetrics(text: string): Scraped {
  const families = parse(text);
  // Of a histogram the parser keeps the series of one label alone: read by samples, it has them all.
  const samples = parse(text.replaceAll(/^# (TYPE|HELP) .*$/gm, ''));
  return {
    value(name, labels = {}) {
      const found = find(families, name, labels)?.value;
      return found === undefined ? undefined : Number(found);
    },
    labels: (name, label) =>
      [
        ...new Set(families.find((family) => family.name === name)?.metrics.map(({ labels }) => labels?.[label] ?? '')),
      ].sort(),
    histogram(name, labels = {}) {
      const buckets = samples
        .find((family) => family.name === `${name}_bucket`)
        ?.metrics.filter((one) => matches({ ...one.labels, le: '' }, { ...labels, le: '' }))
        .map((one) => [one.labels?.le ?? '', Number(one.value)]);
      const [sum, count] = ['sum', 'count'].map((part) => Number(find(samples, `${name}_${part}`, labels)?.value));
      return { buckets: Object.fromEntries(buckets ?? []), count: count!, sum: sum! };
    },
    names: families.map(({ name }) => name),
    text,
  };
}

/** What a path of the listener of metrics answers. */
export async function fetchPage(
  scene: Pick<Scene, 'metrics'>,
  path: string,
): Promise<{ readonly status: number; readonly text: string }> {
  const response = await fetch(`http://${scene.metrics}${path}`);
  return { status: response.status, text: await response.text() };
}

export async function scrape(scene: Pick<Scene, 'metrics'>): Promise<Scraped> {
  // A scrape that comes at once after another is told the same.
  await new Promise((resolve) => setTimeout(resolve, 110));
  const { status, text } = await fetchPage(scene, '/metrics');
  assert.equal(status, 200, text);
  return readMetrics(text);
}
