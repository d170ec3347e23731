import assert from 'node:assert/strict';
import { join } from 'node:path';
import { cleanUpProcesses, startNode } from '../scene/process.ts';

const SLOW = join(import.meta.dirname, '..', '..', 'bench', 'check', 'slow.ts');
/** Works in turns of the event loop; prints its CPU time in all, by that of its own work alone. */
const WORK = `
const readCpu = () => { const { user, system } = process.threadCpuUsage(); return user + system; };
let turns = 0, sum = 0, own = 0;
const before = readCpu();
setImmediate(function turn() {
  const begun = readCpu();
  for (let i = 0; i < 4e6; i++) sum += Math.sqrt(i);
  own += readCpu() - begun;
  if (++turns < 40) return setImmediate(turn);
  console.log((readCpu() - before) / own, sum > 0);
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
    const [plain, slower] = [await measure('0'), await measure('0.5')];
    assert.ok(plain < 1.1, `${plain} without it`);
    assert.ok(slower > 1.3 && slower < 1.8, `${slower}`);
  });
});
