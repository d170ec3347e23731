import assert from 'node:assert/strict';
import { join } from 'node:path';
import { cleanUpProcesses, startNode } from '../e2e/process.ts';

const SLOW = join(import.meta.dirname, '..', '..', 'bench', 'check', 'slow.ts');
/** Works in turns of the event loop and prints the CPU time that the same work takes, in milliseconds. */
const WORK = `
let turns = 0, sum = 0;
const before = process.cpuUsage();
setImmediate(function turn() {
  for (let i = 0; i < 1e6; i++) sum += Math.sqrt(i);
  if (++turns < 40) return setImmediate(turn);
  const { user, system } = process.cpuUsage(before);
  console.log((user + system) / 1e3, sum > 0);
});`;

describe('slow.ts', function () {
  this.timeout(30_000);
  cleanUpProcesses();

  async function measure(slower: string): Promise<number> {
    const env = { CONTACT_BENCH_SLOWER: slower };
    const { stdout } = await startNode(['--import', SLOW, '-e', WORK], { env }).ended;
    return Number.parseFloat(stdout);
  }

  it('makes a program use as much more CPU time as it was told', async () => {
    // The least of a few: what a busy machine adds is never negative.
    const plain = Math.min(await measure('0'), await measure('0'), await measure('0'));
    const slower = Math.min(await measure('0.5'), await measure('0.5'), await measure('0.5'));
    assert.ok(slower / plain > 1.3 && slower / plain < 1.8, `${slower} / ${plain}`);
  });
});
