import { threadCpuUsage } from 'node:process';

// A preload (`node --import`) that makes each thread of a program slower by a share of the CPU time that it uses, so
// that the regression guard can be seen to fail. CONTACT_BENCH_SLOWER: 0.2 is a fifth.

const share = Number(process.env.CONTACT_BENCH_SLOWER ?? 0);
const TICK_MS = 2;

function usedMicroseconds(): number {
  const { user, system } = threadCpuUsage();
  return user + system;
}

let paidUntil = usedMicroseconds();

if (share > 0) {
  setInterval(() => {
    const until = usedMicroseconds() + (usedMicroseconds() - paidUntil) * share;
    while (usedMicroseconds() < until);
    paidUntil = usedMicroseconds();
  }, TICK_MS).unref();
}
