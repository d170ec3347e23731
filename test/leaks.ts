import { relative } from 'node:path';
import type { Context, RootHookObject } from 'mocha';

// Names each test that leaves a server or a child process behind, and at the end what suites left, sockets too. The
// run goes on meanwhile, so that one leak hides nothing; it fails at its end.
//
// Where mocha runs files side by side, each of its processes runs one file after the other, and these hooks begin and
// end with each file. What keeps a process alive beside sockets, servers and processes is seen in a run of one process
// only (`npm run test:all`), for mocha's own processes have timers of their own.

/** By Node's names. Timers and the like are not watched, since libraries keep some. */
const PER_TEST = ['TCPServerWrap', 'ProcessWrap'];
/** Sockets at the end only: a client that a suite shares connects during its first test. */
const AT_END = [...PER_TEST, 'TCPSocketWrap'];
/** After the last test nothing should keep the process alive; what does for so long ends it as a failure. */
const LINGER_MS = 10_000;
/** Closing takes some turns of the event loop, and an ended process some time. */
const PATIENCE_MS = 2_000;
/** One of mocha's processes, which the channel to it keeps alive. What a test starts inherits the variable alone. */
const isOneOfMany = process.env.MOCHA_WORKER_ID !== undefined && process.connected;

type Counts = ReadonlyMap<string, number>;

function countResources(kinds: readonly string[]): Counts {
  const active = process.getActiveResourcesInfo();
  return new Map(kinds.map((kind) => [kind, active.filter((name) => name === kind).length]));
}

/** Waits for what is on its way out; answers what stays beyond `before`, in words. Undefined: nothing. */
async function findGrowth(before: Counts, kinds: readonly string[]): Promise<string | undefined> {
  const deadline = performance.now() + PATIENCE_MS;
  for (;;) {
    const now = countResources(kinds);
    const grown = [...now].filter(([kind, count]) => count > (before.get(kind) ?? 0));
    if (grown.length === 0) return undefined;
    if (performance.now() >= deadline) {
      return grown.map(([kind, count]) => `${kind} ${before.get(kind) ?? 0} → ${count}`).join(', ');
    }
    await new Promise((resolve) => setTimeout(resolve, 10));
  }
}

function endLingering(): void {
  console.error(`still alive after the last test, by: ${process.getActiveResourcesInfo().join(', ')}`);
  // Mocha sets the code of its own when the process exits: ours has to come after.
  process.on('exit', () => {
    process.exitCode = 1;
  });
  process.exit();
}

let atStart: Counts = countResources(AT_END);
let beforeTest: Counts = countResources(PER_TEST);
let hasFailed = false;
/** Of the last test. */
let file = '';
const leaks: string[] = [];

export const mochaHooks: RootHookObject = {
  beforeAll() {
    if (!isOneOfMany) return;
    atStart = countResources(AT_END);
    hasFailed = false;
  },
  beforeEach(this: Context) {
    beforeTest = countResources(PER_TEST);
    file = relative(process.cwd(), this.currentTest?.file ?? '');
  },
  async afterEach(this: Context) {
    // A failed test may well not have reached its own tidying up.
    if (this.currentTest?.state === 'failed') hasFailed = true;
    if (this.currentTest?.state !== 'passed') return;
    const growth = await findGrowth(beforeTest, PER_TEST);
    if (growth !== undefined) leaks.push(`${this.currentTest.fullTitle()}: ${growth}`);
  },
  async afterAll() {
    if (!isOneOfMany) setTimeout(endLingering, LINGER_MS).unref();
    if (!hasFailed) {
      const growth = await findGrowth(atStart, AT_END);
      if (growth !== undefined) leaks.push(`after the last test${isOneOfMany ? ` of ${file}` : ''}: ${growth}`);
    }
    if (leaks.length > 0) throw new Error(`left behind by tests:\n  ${leaks.splice(0).join('\n  ')}`);
  },
};
