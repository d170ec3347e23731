import assert from 'node:assert/strict';
import { createHash } from 'node:crypto';
import { after, before, describe, it } from 'mocha';
import { type Outcome, runHere } from '../scene/command.ts';
import { cleanUpProcesses, runContact, type ServerProcess, startContact, startServer } from '../scene/process.ts';

const TASKS = 100;

interface ResultLine {
  readonly id: string;
  readonly state: string;
  readonly result: unknown;
  readonly cursor: string;
  readonly error?: { readonly code: string; readonly message: string };
}

function parseLines(text: string): ResultLine[] {
  return text
    .trim()
    .split('\n')
    .filter(Boolean)
    .map((line) => JSON.parse(line));
}

describe('contact results', function () {
  this.timeout(120_000);
  let server: ServerProcess;

  function results(...args: string[]): Promise<Outcome> {
    return runHere(['results', '--server', server.address, ...args]);
  }

  before(async () => {
    server = await startServer();
  });

  after(async () => {
    assert.equal((await server.stop()).code, 0);
  });
  cleanUpProcesses();

  it('tells each task of two workers once, with the right answer', async () => {
    const follow = ['results', 'sums', '--from', 'beginning', '--follow', '--json', '--server', server.address];
    const observer = startContact(follow);
    const inputs = Array.from({ length: TASKS }, (_, n) => String(n + 1));
    const enqueued = await runContact(['enqueue', 'sums', '--lines', '--server', server.address], {
      stdin: inputs.join('\n'),
    });
    const ids = enqueued.stdout.trim().split('\n');
    const work = ['work', 'sums', '--concurrency', '8', '--server', server.address, '--', 'sha256sum'];
    const workers = [startContact(work), startContact(work)];
    await observer.waitFor(new RegExp(`^(?:.*\n){${TASKS}}`), 'stdout');
    for (const worker of workers) assert.equal((await worker.stop()).code, 0);
    const { code, stdout } = await observer.stop('SIGINT');
    assert.equal(code, 0);
    const answers = new Map(parseLines(stdout).map(({ id, result }) => [id, result]));
    assert.equal(parseLines(stdout).length, TASKS);
    for (const [n, id] of ids.entries()) {
      const sum = createHash('sha256')
        .update(inputs[n] ?? '')
        .digest('hex');
      assert.equal(answers.get(id), `${sum}  -\n`);
    }
  });

  it('ends without --follow when it has caught up, and goes on from a cursor', async () => {
    const all = await results('sums', '--json');
    assert.equal(all.code, 0);
    const lines = parseLines(all.stdout);
    assert.equal(lines.length, TASKS);
    const rest = await results('sums', '--json', '--from', lines[TASKS - 4]?.cursor ?? '');
    assert.deepEqual(parseLines(rest.stdout), lines.slice(-3));
    assert.equal((await results('sums', '--from', 'now')).stdout, '');
  });

  it('has the fields of a result in a line for people', async () => {
    const { stdout } = await results('sums');
    const [first = ''] = stdout.split('\n');
    const fields = first.split('\t');
    assert.equal(fields.length, 11);
    assert.deepEqual([fields[1], fields[2], fields[4], fields[5]], ['sums', 'succeeded', '-', '1']);
    assert.match(fields[3] ?? '', /^[0-9a-f]{64} {2}-\\n$/);
    assert.match(fields[9] ?? '', /^\d{4}-\d\d-\d\dT\d\d:\d\d:\d\d\.\d{3}Z$/);
  });

  it('gives values as JSON, text or base64', async () => {
    const target = ['--server', server.address];
    const json = startContact(['work', 'json', '--content-type', 'application/json', ...target, '--', 'cat']);
    const bytes = startContact(['work', 'bytes', ...target, '--', 'cat']);
    await runHere(['enqueue', 'json', '{"n":12345678901234567890}', '--wait', ...target]);
    await runContact(['enqueue', 'bytes', '-', '--wait', ...target], { stdin: Buffer.from([255, 0]) });
    const { stdout } = await results('json', 'bytes', '--json');
    assert.match(stdout, /"result":\{"n":12345678901234567890\}/);
    assert.match(stdout, /"result":\{"base64":"\/wA="\}/);
    await Promise.all([json.stop(), bytes.stop()]);
  });

  it('filters by state', async () => {
    const { stdout } = await results('--state', 'failed', '--state', 'expired', '--json');
    assert.equal(stdout, '');
  });

  it('says what is no cursor', async () => {
    const { code, stderr } = await results('--from', 'yester.day');
    assert.equal(code, 2);
    assert.match(stderr, /^contact: cursor: expected EPOCH\.POSITION/);
  });

  it('says how many results were deleted before the next one, and goes on', async () => {
    const [first, ...rest] = parseLines((await results('json', 'bytes', '--json')).stdout);
    assert.ok(first && rest.length > 0);
    await runHere(['tasks', 'delete', first.id, '--server', server.address]);
    const { code, stdout, stderr } = await results('json', 'bytes', '--json');
    assert.deepEqual([code, parseLines(stdout)], [0, rest]);
    const message = `1 result was deleted before ${rest[0]!.cursor}, which the filter may have left out`;
    assert.deepEqual(JSON.parse(stderr), { note: { message } });
    assert.equal((await results('json', 'bytes')).stderr, `${message}\n`);
  });

  it('ends quietly when its reader has gone', async () => {
    const reader = startContact(['results', 'sums', '--json', '--server', server.address]);
    await reader.waitFor(/\n/, 'stdout');
    reader.child.stdout?.destroy();
    const { code, stderr } = await reader.ended;
    assert.equal(code, 0);
    // The result that the test before has deleted.
    assert.match(stderr, /^(\{"note":\{"message":"1 result was deleted before .*\n)?$/);
  });
});
