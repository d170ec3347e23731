import { threadCpuUsage } from 'node:process';

// A preload (`node --import`) that makes each thread of a program slower by a share of the CPU time that it uses, so
// that the regression guard can be seen to fail. CONTACT_BENCH_SLOWER: 0.2 is a fifth.

const share = Number(process.env.CONTACT_BENCH_SLOWER ?? 0);
const TICK_MS = 5;
/** Smaller debts wait, so that a program of many short turns is not stopped in each of them. */
const LEAST_MS = 4;

/** CPU time of this thread in milliseconds; the kernel brings it up to date a few hundred times a second. */
function readCpuMs(): number {
  const { user, system } = threadCpuUsage();
  return (user + system) / 1_000;
}

const beforeMs = readCpuMs();
let spunMs = 0;

/** Spins until the debt is paid; what it takes too much is paid ahead. */
function pay(): void {
  const staleMs = readCpuMs();
  const owedMs = (staleMs - beforeMs - spunMs) * share - spunMs;
  if (owedMs < LEAST_MS) return;
  // From one update to another: else work that was not yet counted would pass for spinning.
  const startedAt = performance.now();
  while (readCpuMs() === staleMs);
  const untilUpdateMs = performance.now() - startedAt;
  const freshMs = readCpuMs();
  while (untilUpdateMs + readCpuMs() - freshMs < owedMs);
  spunMs += untilUpdateMs + readCpuMs() - freshMs;
}

if (share > 0) setInterval(pay, TICK_MS).unref();
