import { appendFileSync, writeFileSync } from 'node:fs';
import { cpus, release, totalmem } from 'node:os';
import { join, resolve } from 'node:path';
import { withDataFolder } from './folder.ts';
import { log, logRecord } from './log.ts';
import type { BenchOptions } from './options.ts';
import { renderHtml } from './report/html.ts';
import { renderTables } from './report/table.ts';
import { refuseScenario, runRounds } from './run.ts';
import { sweepConcurrency } from './sweep.ts';
import type { System } from './system.ts';

/** What to run, and in words what is left out; each is said loudly. */
interface Plan {
  readonly systems: readonly System[];
  readonly skipped: readonly string[];
}

async function planRun({ systems, scenarios }: BenchOptions): Promise<Plan> {
  const runnable: System[] = [];
  const skipped: string[] = [];
  for (const system of systems) {
    const reason = await system.missing();
    if (reason === null) runnable.push(system);
    else skipped.push(`${system.name}: ${reason}`);
  }
  for (const scenario of scenarios) {
    for (const system of runnable) {
      const refusal = refuseScenario(scenario, system);
      if (refusal !== undefined) skipped.push(`${scenario.name}: ${refusal}`);
    }
  }
  for (const line of skipped) log(`SKIPPED ${line}`);
  return { systems: runnable, skipped };
}

/** Runs the rounds and writes results.jsonl, table.md and report.html. False: a run failed. */
export async function runBench(options: BenchOptions): Promise<boolean> {
  const { systems, skipped } = await planRun(options);
  const out = resolve(options.out);
  const machine = { node: process.version, cpus: cpus().length, model: cpus()[0]?.model, kernel: release() };
  const load = { rounds: options.rounds, tasks: options.tasks, seconds: options.seconds };
  const setting = { at: new Date().toISOString(), ...machine, memoryGiB: Math.round(totalmem() / 2 ** 30), ...load };
  const records = await withDataFolder(out, async (folder) => {
    const lines = join(out, 'results.jsonl');
    writeFileSync(lines, '');
    const concurrencies = new Map<System, number>();
    for (const system of systems) {
      const isSwept = options.concurrency === null && options.scenarios.some(({ needs }) => !needs?.includes('calls'));
      const concurrency = options.concurrency ?? system.concurrencies[0]!;
      concurrencies.set(system, isSwept ? await sweepConcurrency(system, folder, log) : concurrency);
    }
    return runRounds({
      ...options,
      systems,
      folder,
      concurrencyOf: (system) => concurrencies.get(system)!,
      onRecord(record) {
        const { settings } = systems.find(({ name }) => name === record.system)!;
        appendFileSync(lines, `${JSON.stringify({ ...record, settings, ...setting })}\n`);
        logRecord(record);
      },
    });
  });
  const tables = renderTables(records, options.scenarios);
  writeFileSync(join(out, 'table.md'), tables);
  writeFileSync(
    join(out, 'report.html'),
    renderHtml({ records, scenarios: options.scenarios, systems, setting, skipped }),
  );
  console.log(tables);
  return records.every(({ error }) => error === undefined);
}
