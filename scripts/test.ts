import { spawn } from 'node:child_process';
import { globSync, rmSync } from 'node:fs';
import { bundleCommand } from './bundle.ts';
import { LONG_TESTS } from './longtests.ts';
import { ROOT, toolEnvironment } from './tool.ts';

// `npm test`: every test file but the dearest (longtests.ts) once, in two parts. Most of the tests wait most of the time, so
// several files run side by side; after them those that measure, or need a core. What it is given goes to mocha, and the sum
// of both parts is its last lines: `N passing`, `N failing`, `N pending`. With CONTACT_TEST=all (`npm run test:all`) every file
// is run in its full form, fewer at a time, and the command from its sources.

const isAll = process.env.CONTACT_TEST === 'all';

/** Processes that run files, of two cores. */
const JOBS = isAll ? 3 : 4;

/** They measure pauses or processor time, or load the machine so much that others would be late: one for each core. */
const HEAVY = [
  'test/attack/{connections,headers,requests}.test.ts',
  'test/bench/slow.test.ts',
  'test/faults/{broadcast,memory,stuck}.test.ts',
  'test/transport/{kept,receipts,timeout,unread}.test.ts',
];

/** The longest of all, which mostly wait or are bound to one core. */
const LONGEST = ['test/faults/{soak,reverse}.test.ts', 'test/property/store.test.ts', 'test/mutants/mutants.test.ts'];

/** Their full forms load both cores, or hold one time against another: they run alone. */
const ALONE = [
  'test/attack/*.test.ts',
  'test/bench/*.test.ts',
  'test/faults/*.test.ts',
  'test/transport/{metrics,rotation,stuck,tls-certificates}.test.ts',
];

/** The longest, begun first: none of them is what the end has to wait for. */
const EARLY = ['test/faults/*.test.ts', 'test/e2e/*.test.ts', 'test/checks/*.test.ts', 'test/transport/*.test.ts'];

const WORDS = ['passing', 'pending', 'failing'] as const;
type Sum = Record<(typeof WORDS)[number], number>;

function findFiles(patterns: readonly string[]): readonly string[] {
  return patterns.flatMap((pattern) => {
    const found = globSync(pattern, { cwd: ROOT }).sort();
    if (found.length === 0) throw new Error(`no file is ${pattern}`);
    return found;
  });
}

/** Runs mocha, whose output is passed on as it comes; adds what its summary says. Answers whether all went well. */
async function runMocha(args: readonly string[], sum: Sum): Promise<boolean> {
  const colors = process.stdout.isTTY ? ['--color'] : [];
  const child = spawn('mocha', [...colors, ...process.argv.slice(2), ...args], {
    cwd: ROOT,
    env: { ...toolEnvironment(), ...(bundled && { CONTACT_TEST_COMMAND: bundled.script }) },
    stdio: ['inherit', 'pipe', 'inherit'],
  });
  let output = '';
  child.stdout.on('data', (chunk: Buffer) => {
    process.stdout.write(chunk);
    output += chunk.toString('latin1');
  });
  const code = await new Promise((resolve, reject) => child.once('error', reject).once('close', resolve));
  for (const word of WORDS) {
    const counts = [...output.matchAll(new RegExp(`^(?:\\x1b\\[[\\d;]*m| )*(\\d+) ${word}\\b`, 'gm'))];
    sum[word] += Number(counts.at(-1)?.[1] ?? 0);
  }
  return code === 0;
}

const bundled = isAll ? undefined : await bundleCommand();
process.once('exit', () => bundled && rmSync(bundled.folder, { recursive: true, force: true }));
for (const signal of ['SIGINT', 'SIGTERM'] as const) process.once(signal, () => process.exit(1));
const sum: Sum = { passing: 0, pending: 0, failing: 0 };
const longest = findFiles(LONGEST);
const heavy = isAll
  ? [...new Set(findFiles([...HEAVY, ...ALONE]))].filter((file) => !longest.includes(file))
  : findFiles(HEAVY);
const others = isAll ? heavy : [...heavy, ...findFiles(Object.keys(LONG_TESTS))];
const early = isAll ? [...LONGEST, ...EARLY] : EARLY;
const beside = [...new Set(findFiles([...early, 'test/**/*.test.ts']))].filter((file) => !others.includes(file));
const parts = [
  { name: 'side by side', files: beside, jobs: JOBS },
  { name: isAll ? 'alone' : 'two at a time', files: heavy, jobs: isAll ? 1 : 2 },
];
const times: string[] = [];
let areOk = true;
for (const { name, files, jobs } of parts) {
  const begun = performance.now();
  areOk = (await runMocha(['--parallel', '--jobs', String(jobs), ...files], sum)) && areOk;
  times.push(`${files.length} files ${name} in ${((performance.now() - begun) / 1_000).toFixed()} s`);
}
console.log(`${times.join(', ')}:\n`);
for (const word of WORDS) if (sum[word] > 0 || word === 'passing') console.log(`  ${sum[word]} ${word}`);
if (!areOk) process.exitCode = 1;
