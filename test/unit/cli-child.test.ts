import assert from 'node:assert/strict';
import { readFileSync } from 'node:fs';
import { describe, it } from 'mocha';
import { type ChildEnd, type ChildOptions, runChild } from '../../cli/child.ts';

function run(script: string, options: Partial<ChildOptions> = {}): Promise<ChildEnd> {
  return runChild({
    command: ['sh', '-c', script],
    input: Buffer.from('input'),
    env: {},
    maxOutputBytes: 100_000,
    killAfterMs: 5_000,
    signal: new AbortController().signal,
    ...options,
  });
}

/** False also for one that has ended and was not collected yet. */
function isRunning(pid: number): boolean {
  try {
    return !/\) [ZX] /.test(readFileSync(`/proc/${pid}/stat`, 'latin1'));
  } catch {
    return false;
  }
}

/** A killed process takes a moment to end. */
async function assertGone(pid: number): Promise<void> {
  assert.ok(pid > 1, 'the child told its id');
  while (isRunning(pid)) await new Promise((resolve) => setTimeout(resolve, 5));
}

describe('runChild()', function () {
  this.timeout(10_000);

  it('gives the input and takes the output as they are', async () => {
    const input = Buffer.from([0, 255, 10, 13, 0]);
    const end = await runChild({ ...defaults, command: ['cat'], input });
    assert.deepEqual(end.output, input);
    assert.equal(end.exitCode, 0);
  });

  it('does not mind a command that reads nothing', async () => {
    const end = await run('echo done', { input: Buffer.alloc(1_000_000, 'x') });
    assert.equal(String(end.output), 'done\n');
    assert.equal(end.exitCode, 0);
  });

  it('adds to the environment', async () => {
    assert.equal(String((await run('echo "$CONTACT_QUEUE"', { env: { CONTACT_QUEUE: 'q' } })).output), 'q\n');
  });

  it('kills a command that writes too much', async () => {
    const startedAt = performance.now();
    const end = await run('exec yes', { maxOutputBytes: 1_000 });
    assert.equal(end.isOverLimit, true);
    assert.equal(end.output.length, 0);
    assert.ok(performance.now() - startedAt < 5_000);
  });

  it('allows output of exactly the limit', async () => {
    const end = await run('printf 12345', { maxOutputBytes: 5 });
    assert.equal(end.isOverLimit, false);
    assert.equal(String(end.output), '12345');
  });

  it('tells the exit code and the end of stderr without controls', async () => {
    const end = await run(`printf '%5000s' x >&2; printf '\\033[31mbad\\033[0m\\007 ü\\n' >&2; exit 3`);
    assert.equal(end.exitCode, 3);
    assert.match(end.errorText, /^\s*x.*bad ü$|^x?bad ü$/s);
    assert.ok(Buffer.byteLength(end.errorText) <= 2_048);
  });

  it('starts the end of stderr with a whole character', async () => {
    const end = await run(`yes ü | head -n 2000 | tr -d '\\n' >&2; exit 1`);
    assert.match(end.errorText, /^ü+$/);
  });

  it('tells the signal that ended a command', async () => {
    const end = await run('kill -SEGV $$');
    assert.equal(end.exitCode, null);
    assert.equal(end.signalName, 'SIGSEGV');
  });

  it('leaves no background child behind, and does not wait for it', async () => {
    const startedAt = performance.now();
    const end = await run('sleep 30 & echo $!');
    assert.ok(performance.now() - startedAt < 5_000);
    assert.equal(end.exitCode, 0);
    await assertGone(Number(end.output));
  });

  it('waits a little for output that a child still writes', async () => {
    const end = await run('(sleep 0.1; echo late) & echo early');
    assert.equal(String(end.output), 'early\nlate\n');
  });

  it('sends SIGTERM to the whole group on an abort', async () => {
    const stop = new AbortController();
    const script = 'echo ready >&2; sleep 30 & echo $!; wait';
    const running = run(script, { signal: stop.signal });
    setTimeout(() => stop.abort(), 100);
    const end = await running;
    assert.equal(end.isAborted, true);
    assert.equal(end.signalName, 'SIGTERM');
    await assertGone(Number(end.output));
  });

  it('does not take a wait of more than 24 days for none', async () => {
    const stop = new AbortController();
    const script = "trap 'sleep 0.3; echo cleaned; exit 0' TERM; echo $$; while :; do sleep 0.05; done";
    const running = run(script, { signal: stop.signal, killAfterMs: 2 ** 31 });
    setTimeout(() => stop.abort(), 200);
    const end = await running;
    assert.match(String(end.output), /cleaned/);
    assert.deepEqual([end.exitCode, end.signalName], [0, null]);
  });

  it('gives the group time to clean up after an abort', async () => {
    const stop = new AbortController();
    const cleaner = `trap 'sleep 0.2; echo cleaned; exit 0' TERM; echo $$; while :; do sleep 0.01; done`;
    const running = run(`sh -c "${cleaner.replaceAll('$', '\\$')}" & wait`, { signal: stop.signal });
    setTimeout(() => stop.abort(), 200);
    const end = await running;
    assert.equal(end.isAborted, true);
    assert.match(String(end.output), /cleaned/);
  });

  it('kills a group that ignores SIGTERM', async () => {
    const stop = new AbortController();
    const running = run(`trap '' TERM; echo $$; while :; do sleep 1; done`, { signal: stop.signal, killAfterMs: 200 });
    setTimeout(() => stop.abort(), 100);
    const end = await running;
    assert.equal(end.signalName, 'SIGKILL');
    await assertGone(Number(end.output));
  });

  it('stops at once when the abort came before the start', async () => {
    const end = await run('sleep 30', { signal: AbortSignal.abort() });
    assert.equal(end.isAborted, true);
  });

  it('rejects when there is no such command', async () => {
    await assert.rejects(run('', { command: ['no-such-command-here'] }), { code: 'ENOENT' });
  });
});

const defaults: ChildOptions = {
  command: ['true'],
  input: Buffer.alloc(0),
  env: {},
  maxOutputBytes: 1_000,
  killAfterMs: 5_000,
  signal: new AbortController().signal,
};
