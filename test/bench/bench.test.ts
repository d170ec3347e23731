import assert from 'node:assert/strict';
import { existsSync, readdirSync, readFileSync } from 'node:fs';
import { join } from 'node:path';
import type { RunRecord } from '../../bench/run.ts';
import { createFolder } from '../scene/folder.ts';
import { isFull } from '../scene/full.ts';
import { cleanUpProcesses, type Ended, startNode } from '../scene/process.ts';

/** By the order in which they are run. */
const SCENARIOS = isFull ? ['combined', 'enqueue-batch'] : ['combined'];
/** Of reverse RPC. */
const CALL_SCENARIOS = isFull
  ? ['reverse', 'reverse-pace', 'reverse-100k', 'reverse-stream', 'reverse-bulk']
  : ['reverse', 'reverse-bulk'];
const STREAMS: ReadonlySet<string> = new Set(['reverse-stream', 'reverse-bulk']);
const MAIN = join(import.meta.dirname, '..', '..', 'bench', 'main.ts');

describe('npm run bench', function () {
  this.timeout(60_000);
  cleanUpProcesses();

  function runBench(args: readonly string[]): Promise<Ended> {
    return startNode([MAIN, ...args]).ended;
  }

  it('measures contact and the control, and leaves nothing but its report', async () => {
    const out = createFolder();
    const small = ['--rounds', '2', '--tasks', '400', '--seconds', '1', '--concurrency', '50'];
    const scenarios = ['--scenarios', SCENARIOS.toReversed().join(',')];
    const ended = await runBench(['--systems', 'contact,raw-sqlite', ...scenarios, ...small, '--out', out]);
    assert.equal(ended.code, 0, ended.stderr);
    const lines = readFileSync(join(out, 'results.jsonl'), 'utf8').trim().split('\n');
    const records = lines.map((line) => JSON.parse(line) as RunRecord);
    // Interleaved, the second round the other way round.
    assert.deepEqual(
      records.map(({ round, scenario, system }) => `${round} ${scenario} ${system}`),
      [
        ...SCENARIOS.flatMap((scenario) => [`1 ${scenario} contact`, `1 ${scenario} raw-sqlite`]),
        ...SCENARIOS.flatMap((scenario) => [`2 ${scenario} raw-sqlite`, `2 ${scenario} contact`]),
      ],
    );
    for (const { scenario, figures, checks } of records) {
      assert.ok(figures.rate! > 0);
      assert.ok(figures.memory! > 0);
      assert.equal(checks.tasks, 400);
      if (scenario === 'combined') assert.equal(checks.stored, 400);
      else assert.equal(checks.left, 400);
    }
    assert.match(ended.stdout, /\| raw-sqlite \| 2 \|/);
    assert.deepEqual(
      readdirSync(out).filter((name) => name.startsWith('data')),
      [],
    );
  });

  it('gives each of many clients its own task, and a broadcast', async () => {
    const out = createFolder();
    const small = ['--rounds', '1', '--tasks', '200', '--concurrency', '1'];
    const ended = await runBench(['--systems', 'contact', '--scenarios', 'fan-out', ...small, '--out', out]);
    assert.equal(ended.code, 0, ended.stderr);
    const { figures, checks } = JSON.parse(readFileSync(join(out, 'results.jsonl'), 'utf8')) as RunRecord;
    assert.ok(figures.addressed! > 0 && figures.broadcast! > 0);
    assert.deepEqual([checks.clients, checks.served], [200, 200]);
  });

  it('measures calls of clients beside those of a server, and that each was answered', async () => {
    const out = createFolder();
    const small = ['--rounds', '1', '--tasks', '100', '--seconds', '5'];
    const systems = ['--systems', 'contact,contact-durable,direct,raw-memory'];
    const ended = await runBench([...systems, '--scenarios', CALL_SCENARIOS.join(','), ...small, '--out', out]);
    assert.equal(ended.code, 0, ended.stderr);
    const lines = readFileSync(join(out, 'results.jsonl'), 'utf8').trim().split('\n');
    const records = lines.map((line) => JSON.parse(line) as RunRecord);
    const made = records.map(({ scenario, system }) => `${scenario} ${system}`).toSorted();
    assert.deepEqual(
      made,
      [
        ...CALL_SCENARIOS.flatMap((scenario) => [`${scenario} contact`, `${scenario} direct`]),
        ...CALL_SCENARIOS.filter((scenario) => !STREAMS.has(scenario)).map((scenario) => `${scenario} contact-durable`),
      ].toSorted(),
    );
    for (const { scenario, checks } of records) if (scenario === 'reverse') assert.equal(checks.calls, 100);
    assert.match(ended.stdout, /^contact in × of direct, round by round: rate \d/m);
    assert.match(ended.stderr, /SKIPPED reverse: raw-memory cannot: calls/);
    assert.doesNotMatch(ended.stderr, /concurrency/);
  });

  it('measures contact with a part more beside contact without it', async function () {
    this.timeout(180_000);
    const out = createFolder();
    const small = ['--rounds', '1', '--tasks', '100', '--seconds', '1', '--concurrency', '50', '--out', out];
    const systems = [
      'contact',
      'contact-token',
      'contact-tls',
      ...(isFull ? ['contact-untraced', 'contact-traced'] : []),
    ];
    const ended = await runBench(['--systems', [...systems, 'raw-sqlite'].join(','), '--scenarios', 'parts', ...small]);
    assert.equal(ended.code, 0, ended.stderr);
    const lines = readFileSync(join(out, 'results.jsonl'), 'utf8').trim().split('\n');
    const records = lines.map((line) => JSON.parse(line) as RunRecord);
    assert.deepEqual(
      records.map(({ system, checks }) => [system, checks.stored]),
      systems.map((system) => [system, 100]),
    );
    for (const system of systems.slice(1)) {
      assert.match(ended.stdout, new RegExp(`^${system} in × of contact, round by round: rate \\d`, 'm'));
    }
    assert.match(ended.stderr, /SKIPPED parts: only for contact, contact-token/);
  });

  it('has spans made where it says so, and the API hidden where it says that', async () => {
    const preloads = join(import.meta.dirname, '..', '..', 'bench', 'preload');
    const tracing = join(import.meta.dirname, '..', '..', 'shared', 'tracing.ts');
    const look = `import('${tracing}').then(({ findTracing }) => console.log(findTracing() !== undefined))`;
    const tell = async (...names: string[]): Promise<string> => {
      const preload = names.flatMap((name) => ['--import', join(preloads, name)]);
      return (await startNode([...preload, '--eval', look]).ended).stdout.trim();
    };
    assert.equal(await tell('traced.ts'), 'true');
    assert.equal(await tell('traced.ts', 'untraced.ts'), 'false');
  });

  it('names what there is when a name is wrong', async () => {
    const ended = await runBench(['--systems', 'nosuch']);
    assert.equal(ended.code, 2);
    assert.match(ended.stderr, /no system `nosuch`; there are: contact, contact-durable, direct, raw-sqlite/);
    const other = await runBench(['--rounds', '0']);
    assert.match(other.stderr, /--rounds: expected an integer >= 1, got `0`/);
  });

  it('says what failed, and fails', async () => {
    const out = createFolder();
    const once = ['--rounds', '1', '--concurrency', '50'];
    const ended = await runBench(['--systems', 'contact', '--scenarios', 'pickup-half', ...once, '--out', out]);
    assert.equal(ended.code, 1);
    assert.match(ended.stdout, /FAILED: needs `combined`/);
    assert.ok(existsSync(join(out, 'table.md')));
  });
});
