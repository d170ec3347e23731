import { runTool } from './tool.ts';

// `npm run check`: everything a pull request needs besides the tests. Prints a line for each check, what failed, and
// at the end `N passed, N failed`.

interface Check {
  readonly name: string;
  readonly command: string;
  readonly args: readonly string[];
}

/** The contract as of the last release; see CONTRIBUTING.md. */
const RELEASED = 'proto/released/contact.binpb';

const CHECKS: readonly Check[] = [
  { name: 'format and lint', command: 'biome', args: ['ci', '--colors=off'] },
  { name: 'types', command: 'tsc', args: ['--noEmit', '--pretty', 'false', '--project', '.'] },
  { name: 'types of the dashboard', command: 'tsc', args: ['--noEmit', '--pretty', 'false', '--project', 'dashboard'] },
  { name: 'imports', command: 'node', args: ['scripts/imports.ts'] },
  { name: 'generated code', command: 'node', args: ['scripts/generate.ts', '--check'] },
  { name: 'states document', command: 'node', args: ['scripts/states.ts', '--check'] },
  { name: 'metrics page', command: 'node', args: ['scripts/metrics.ts', '--check'] },
  { name: 'table of rooms', command: 'node', args: ['scripts/rooms.ts', '--check'] },
  { name: 'configuration page', command: 'node', args: ['scripts/configuration.ts', '--check'] },
  { name: 'command line page', command: 'node', args: ['scripts/clireference.ts', '--check'] },
  { name: 'JSON page', command: 'node', args: ['scripts/jsonpage.ts', '--check'] },
  { name: 'OpenAPI', command: 'node', args: ['scripts/openapi.ts', '--check'] },
  { name: 'picture of top', command: 'node', args: ['scripts/toppicture.ts', '--check'] },
  { name: 'dependencies', command: 'node', args: ['scripts/licences.ts'] },
  { name: 'contract lint', command: 'buf', args: ['lint'] },
  { name: 'contract breaking', command: 'buf', args: ['breaking', '--against', RELEASED] },
];

function runCheck(check: Check): boolean {
  const startedAt = performance.now();
  const run = runTool(check.command, check.args);
  const seconds = ((performance.now() - startedAt) / 1_000).toFixed(1);
  console.log(`${run.isOk ? 'ok    ' : 'FAILED'}  ${check.name.padEnd(22)} ${seconds.padStart(5)} s`);
  if (!run.isOk) console.log(run.output.trimEnd().replaceAll(/^/gm, '        '));
  return run.isOk;
}

const passedCount = CHECKS.map(runCheck).filter((isOk) => isOk).length;
console.log(`${passedCount} passed, ${CHECKS.length - passedCount} failed`);
if (passedCount < CHECKS.length) process.exitCode = 1;
