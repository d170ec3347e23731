import type { TaskResult } from '../../client/index.ts';
import { type Answer, isSameAnswer, readAnswer } from './answer.ts';
import { type FoundFile, hasChanged } from './files.ts';

/** What came of the tasks, each answer compared with a direct computation. */
export interface Findings {
  readonly right: number;
  /** Files that changed or went away while the demo ran: neither right nor wrong. */
  readonly changed: number;
  readonly wrong: readonly string[];
  /** Paths without a result. */
  readonly missing: readonly string[];
  /** Results that came twice. */
  readonly repeated: number;
  /** Tasks that were delivered more than once. */
  readonly redelivered: number;
}

/** Keeps the first result of each task and counts further ones, of which there must be none. */
export interface Collected {
  readonly resultsById: Map<string, TaskResult>;
  repeated: number;
}

export async function checkAnswers(filesById: ReadonlyMap<string, FoundFile>, collected: Collected): Promise<Findings> {
  let right = 0;
  let changed = 0;
  const wrong: string[] = [];
  const missing: string[] = [];
  for (const [id, file] of filesById) {
    const result = collected.resultsById.get(id);
    if (!result) missing.push(file.path);
    else if (await isRight(file, result)) right += 1;
    else if (hasChanged(file)) changed += 1;
    else wrong.push(file.path);
  }
  const results = [...collected.resultsById.values()];
  const redelivered = results.filter(({ delivery }) => delivery > 1).length;
  return { right, changed, wrong, missing, repeated: collected.repeated, redelivered };
}

async function isRight(file: FoundFile, result: TaskResult): Promise<boolean> {
  if (result.state !== 'succeeded') return false;
  try {
    return isSameAnswer(result.value() as Answer, await readAnswer(file.path));
  } catch {
    return false;
  }
}

export function isComplete(findings: Findings): boolean {
  return findings.missing.length === 0 && findings.wrong.length === 0 && findings.repeated === 0;
}

/** The value that `share` of the sorted values do not exceed (nearest rank). */
export function percentile(sorted: readonly number[], share: number): number {
  return sorted[Math.max(0, Math.ceil(sorted.length * share) - 1)] ?? Number.NaN;
}

/** The table at the end. */
export function renderReport(findings: Findings, collected: Collected, total: number, elapsedMs: number): string {
  const results = [...collected.resultsById.values()];
  const latencies = results
    .map((result) => result.settledAt.getTime() - result.createdAt.getTime())
    .sort((a, b) => a - b);
  const [p50, p90, p99] = [0.5, 0.9, 0.99].map((share) => percentile(latencies, share));
  const doneByClient = Map.groupBy(results, ({ clientId }) => clientId);
  const rows: [string, string][] = [
    ['tasks (one a file)', format(total)],
    ['results', format(results.length)],
    ...[...doneByClient].sort().map(([client, done]): [string, string] => [`  by ${client}`, format(done.length)]),
    ['answers right', format(findings.right)],
    ['answers wrong', format(findings.wrong.length)],
    ['files changed meanwhile', format(findings.changed)],
    ['missing', format(findings.missing.length)],
    ['results that came twice', format(findings.repeated)],
    ['delivered twice because of the kill', format(findings.redelivered)],
    ['time', `${(elapsedMs / 1_000).toFixed(1)} s`],
    ['rate', `${format(Math.round(results.length / (elapsedMs / 1_000)))} tasks/s`],
    ['from enqueue to result, p50 / p90 / p99', `${p50} / ${p90} / ${p99} ms`],
  ];
  const width = Math.max(...rows.map(([name]) => name.length));
  return rows.map(([name, value]) => `${name.padEnd(width)}  ${value.padStart(8)}\n`).join('');
}

function format(count: number): string {
  return count.toLocaleString('en');
}
