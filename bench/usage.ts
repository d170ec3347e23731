import { readdirSync, readFileSync } from 'node:fs';

// What processes use, from /proc: Linux only.

/** The kernel counts CPU time in hundredths of a second here, whatever its own tick. */
const TICKS_PER_SECOND = 100;

interface ProcessTimes {
  readonly parent: number;
  readonly ownSeconds: number;
  /** Of its children that have ended and were collected. */
  readonly childSeconds: number;
}

function readProcesses(): Map<number, ProcessTimes> {
  const found = new Map<number, ProcessTimes>();
  for (const name of readdirSync('/proc')) {
    if (!/^\d+$/.test(name)) continue;
    try {
      const stat = readFileSync(`/proc/${name}/stat`, 'latin1');
      // The name of the program stands in parentheses and may hold anything.
      const fields = stat.slice(stat.lastIndexOf(')') + 2).split(' ');
      const secondsAt = (at: number): number => Number(fields[at]) / TICKS_PER_SECOND;
      const times = { ownSeconds: secondsAt(11) + secondsAt(12), childSeconds: secondsAt(13) + secondsAt(14) };
      found.set(Number(name), { parent: Number(fields[1]), ...times });
    } catch {
      // It ended between the two reads.
    }
  }
  return found;
}

/** What the threads of a process have used, to the nanosecond, where the kernel tells; threads that have ended are not in it. */
function readThreadSeconds(pid: number): number {
  let nanoseconds = 0;
  try {
    for (const thread of readdirSync(`/proc/${pid}/task`)) {
      nanoseconds += Number(readFileSync(`/proc/${pid}/task/${thread}/schedstat`, 'latin1').split(' ')[0]);
    }
  } catch {
    // It ended, or the kernel keeps no such account.
  }
  return nanoseconds / 1e9;
}

/** The processes `roots` with everything below them that runs now. */
function expandTree(roots: readonly number[], processes: ReadonlyMap<number, ProcessTimes>): Set<number> {
  const tree = new Set(roots.filter((pid) => processes.has(pid)));
  for (let before = -1; before !== tree.size; ) {
    before = tree.size;
    for (const [pid, { parent }] of processes) if (tree.has(parent)) tree.add(pid);
  }
  return tree;
}

/** The process `root` and everything below it that runs now. */
export function listTree(root: number): number[] {
  return [...expandTree([root], readProcesses())];
}

/** CPU seconds of the trees under `roots` since they began; take the difference of two readings. */
export function readCpuSeconds(roots: readonly number[]): number {
  const processes = readProcesses();
  let seconds = 0;
  for (const pid of expandTree(roots, processes)) {
    const { ownSeconds, childSeconds } = processes.get(pid)!;
    seconds += Math.max(ownSeconds, readThreadSeconds(pid)) + childSeconds;
  }
  return seconds;
}

/** Proportional set size of one process in MiB: what several share counts once. */
function readPssMiB(pid: number): number {
  try {
    const pss = /^Pss:\s+(\d+)/m.exec(readFileSync(`/proc/${pid}/smaps_rollup`, 'latin1'));
    return Number(pss?.[1] ?? 0) / 1_024;
  } catch {
    // It ended, or is another user's.
    return 0;
  }
}

/** Memory of the trees under `roots` now, in MiB. */
export function readMemoryMiB(roots: readonly number[]): number {
  return [...expandTree(roots, readProcesses())].reduce((sum, pid) => sum + readPssMiB(pid), 0);
}

function sumMiB(tree: ReadonlySet<number>, pssByPid: ReadonlyMap<number, number>): number {
  let sum = 0;
  for (const pid of tree) sum += pssByPid.get(pid) ?? 0;
  return sum;
}

/** Reads the memory of a server's tree, and of that with all others, again and again until stopped. */
export class MemoryPeak {
  readonly #server: readonly number[];
  readonly #all: readonly number[];
  readonly #timer: NodeJS.Timeout;
  #serverMiB = 0;
  #allMiB = 0;

  constructor(server: readonly number[], all: readonly number[], everyMs: number = 300) {
    this.#server = server;
    this.#all = all;
    this.#timer = setInterval(() => this.#read(), everyMs);
    this.#read();
  }

  /** The largest readings, in MiB. */
  stop(): { readonly serverMiB: number; readonly allMiB: number } {
    clearInterval(this.#timer);
    return { serverMiB: this.#serverMiB, allMiB: this.#allMiB };
  }

  #read(): void {
    const processes = readProcesses();
    const all = expandTree(this.#all, processes);
    const pssByPid = new Map([...all].map((pid) => [pid, readPssMiB(pid)]));
    this.#serverMiB = Math.max(this.#serverMiB, sumMiB(expandTree(this.#server, processes), pssByPid));
    this.#allMiB = Math.max(this.#allMiB, sumMiB(all, pssByPid));
  }
}
