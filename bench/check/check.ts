import { readFileSync, writeFileSync } from 'node:fs';
import { cpus } from 'node:os';
import { join, resolve } from 'node:path';
import { withDataFolder } from '../folder.ts';
import { log, logRecord } from '../log.ts';
import { formatNumber } from '../report/table.ts';
import { type RunRecord, runRounds } from '../run.ts';
import { findScenario } from '../scenarios/index.ts';
import type { StartOptions, System } from '../system.ts';
import { findSystem } from '../systems/index.ts';
import { GUARDS, judge, measureRatios, type Ratios, type Verdict } from './guards.ts';

export interface CheckOptions {
  readonly rounds: number;
  /** File of the ratios to compare with. */
  readonly baseline: string;
  /** Keeps what was measured as the new baseline. */
  readonly isUpdate: boolean;
  /** Makes contact's server slower by this share of its CPU time: 0.2 is a fifth; 0: not at all. */
  readonly slower: number;
  readonly out: string;
}

const CONCURRENCY = 1_000;
const SECONDS = 10;
const TASKS = 40_000;
const SLOW = join(import.meta.dirname, 'slow.ts');

async function measure(options: CheckOptions, folder: string, firstRound: number): Promise<RunRecord[]> {
  const slow = { nodeArgs: ['--import', SLOW], env: { CONTACT_BENCH_SLOWER: String(options.slower) } };
  const startOf = ({ kind }: System): Omit<StartOptions, 'folder'> =>
    kind === 'contact' && options.slower > 0 ? slow : {};
  const records = await runRounds({
    systems: [findSystem('contact'), findSystem('raw-sqlite')],
    scenarios: [...new Set(GUARDS.flatMap(({ scenarios }) => scenarios))].map(findScenario),
    rounds: options.rounds,
    tasks: TASKS,
    seconds: SECONDS,
    folder,
    concurrencyOf: () => CONCURRENCY,
    startOf,
    onRecord: logRecord,
  });
  const failed = records.find(({ error }) => error !== undefined);
  if (failed) throw new Error(`${failed.scenario} of ${failed.system}: ${failed.error}`);
  return records.map((record) => ({ ...record, round: firstRound + record.round }));
}

function describeVerdict({ guard, baseline, ratio, worse, isOk }: Verdict): string {
  const percent = `${worse >= 0 ? '+' : ''}${(100 * worse).toFixed(1)} %`;
  const limit = `${Math.round(100 * guard.tolerance)} %`;
  const values = `${formatNumber(ratio)} of the control's, baseline ${formatNumber(baseline)}`;
  return `${isOk ? 'ok    ' : 'FAILED'}  ${guard.name.padEnd(26)} ${values}: worse by ${percent}, at most ${limit}`;
}

/** What is kept in the file of the baseline; beside the ratios, where they come from. */
interface Baseline {
  readonly cpu: string;
  readonly node: string;
  readonly rounds: number;
  readonly ratios: Ratios;
}

const cpu = cpus()[0]?.model ?? 'unknown';

function readBaseline(path: string): Ratios {
  const baseline = JSON.parse(readFileSync(path, 'utf8')) as Baseline;
  const isElsewhere = baseline.cpu !== cpu || baseline.node !== process.version;
  if (isElsewhere)
    log(`the baseline is from ${baseline.cpu}, Node ${baseline.node}; --update makes one for this machine`);
  return baseline.ratios;
}

function writeBaseline({ baseline, rounds }: CheckOptions, records: readonly RunRecord[]): void {
  const kept: Baseline = { cpu, node: process.version, rounds, ratios: measureRatios(records) };
  writeFileSync(baseline, `${JSON.stringify(kept, null, 2)}\n`);
  log(`${baseline}: written`);
}

/** False: a ratio is worse than the baseline by more than noise, and again with as many rounds more. */
export async function runCheck(options: CheckOptions): Promise<boolean> {
  return withDataFolder(resolve(options.out), async (folder) => {
    let records = await measure(options, folder, 0);
    if (options.isUpdate) {
      writeBaseline(options, records);
      return true;
    }
    const baseline = readBaseline(options.baseline);
    let verdicts = judge(baseline, measureRatios(records));
    if (verdicts.some(({ isOk }) => !isOk)) {
      log('worse than the baseline: as many rounds again, to be sure');
      records = [...records, ...(await measure(options, folder, options.rounds))];
      verdicts = judge(baseline, measureRatios(records));
    }
    for (const verdict of verdicts) console.log(describeVerdict(verdict));
    return verdicts.every(({ isOk }) => isOk);
  });
}
