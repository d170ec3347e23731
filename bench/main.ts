import { appendFileSync, chmodSync, mkdirSync, mkdtempSync, rmSync, statfsSync, writeFileSync } from 'node:fs';
import { cpus, release, totalmem } from 'node:os';
import { join, resolve } from 'node:path';
import { type BenchOptions, parseOptions, USAGE } from './options.ts';
import { renderTables } from './report/table.ts';
import { type RunRecord, refuseScenario, runRounds } from './run.ts';
import { sweepConcurrency } from './sweep.ts';
import type { System } from './system.ts';

// `npm run bench`. Progress goes to stderr, tables to stdout, everything into the folder of --out.

/** As statfs(2) names it. */
const TMPFS = 0x01021994;

// The exit hooks end what was started.
for (const signal of ['SIGINT', 'SIGTERM'] as const) process.once(signal, () => process.exit(1));

function log(line: string): void {
  console.error(line);
}

/** The systems that can run here; says loudly which cannot. */
async function findRunnable(systems: readonly System[]): Promise<System[]> {
  const runnable: System[] = [];
  for (const system of systems) {
    const reason = await system.missing();
    if (reason === null) runnable.push(system);
    else log(`SKIPPED ${system.name}: ${reason}`);
  }
  return runnable;
}

function describeRecord({ scenario, system, round, figures, error }: RunRecord): string {
  const values = Object.entries(figures).map(([key, value]) => `${key} ${Number(value.toPrecision(4))}`);
  return `round ${round}  ${scenario}  ${system}  ${error === undefined ? values.join('  ') : `FAILED: ${error}`}`;
}

async function runBench(options: BenchOptions): Promise<void> {
  const out = resolve(options.out);
  mkdirSync(out, { recursive: true });
  const folder = mkdtempSync(join(out, 'data-'));
  chmodSync(folder, 0o755);
  if (statfsSync(folder).type === TMPFS)
    log(`WARNING ${out} is in memory: nothing here is durable, use --out on a disk`);
  const lines = join(out, 'results.jsonl');
  writeFileSync(lines, '');
  try {
    const systems = await findRunnable(options.systems);
    const concurrencies = new Map<System, number>();
    for (const system of systems) {
      concurrencies.set(system, options.concurrency ?? (await sweepConcurrency(system, folder, log)));
    }
    for (const scenario of options.scenarios) {
      for (const system of systems) {
        const refusal = refuseScenario(scenario, system);
        if (refusal !== undefined) log(`SKIPPED ${scenario.name} on ${system.name}: ${refusal}`);
      }
    }
    const machine = { node: process.version, cpus: cpus().length, model: cpus()[0]?.model, kernel: release() };
    const setting = { ...machine, memoryGiB: Math.round(totalmem() / 2 ** 30), at: new Date().toISOString() };
    const records = await runRounds({
      ...options,
      systems,
      folder,
      concurrencyOf: (system) => concurrencies.get(system)!,
      onRecord(record) {
        const { settings } = systems.find(({ name }) => name === record.system)!;
        appendFileSync(lines, `${JSON.stringify({ ...record, settings, ...setting })}\n`);
        log(describeRecord(record));
      },
    });
    const tables = renderTables(records, options.scenarios);
    writeFileSync(join(out, 'table.md'), tables);
    console.log(tables);
    if (records.some(({ error }) => error !== undefined)) process.exitCode = 1;
  } finally {
    rmSync(folder, { recursive: true, force: true });
  }
}

try {
  const options = parseOptions(process.argv.slice(2));
  if (options) await runBench(options);
  else console.log(USAGE);
} catch (error) {
  log(error instanceof Error ? error.message : String(error));
  process.exitCode = 2;
}
