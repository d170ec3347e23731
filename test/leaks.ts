import type { Context, RootHookObject } from 'mocha';

// Names each test that leaves a server or a child process behind, and at the end what suites left, sockets too. The
// run goes on meanwhile, so that one leak hides nothing; it fails at its end.

/** By Node's names. Timers and the like are not watched, since libraries keep some. */
const PER_TEST = ['TCPServerWrap', 'ProcessWrap'];
/** Sockets at the end only: a client that a suite shares connects during its first test. */
const AT_END = [...PER_TEST, 'TCPSocketWrap'];
/** After the last test nothing should keep the process alive; what does for so long ends it as a failure. */
const LINGER_MS = 10_000;
/** Closing takes some turns of the event loop, and an ended process some time. */
const PATIENCE_MS = 2_000;

type Counts = ReadonlyMap<string, number>;

function countResources(kinds: readonly string[]): Counts {
  const active = process.getActiveResourcesInfo();
  return new Map(kinds.map((kind) => [kind, active.filter((name) => name === kind).length]));
}

/** Waits for what is on its way out; answers what stays beyond `before`, in words. Undefined: nothing. */
async function findGrowth(before: Counts): Promise<string | undefined> {
  const deadline = performance.now() + PATIENCE_MS;
  for (;;) {
    const now = countResources([...before.keys()]);
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

const atStart = countResources(AT_END);
let beforeTest: Counts = countResources(PER_TEST);
let hasFailed = false;
const leaks: string[] = [];

export const mochaHooks: RootHookObject = {
  beforeEach() {
    beforeTest = countResources(PER_TEST);
  },
  async afterEach(this: Context) {
    // A failed test may well not have reached its own tidying up.
    if (this.currentTest?.state === 'failed') hasFailed = true;
    if (this.currentTest?.state !== 'passed') return;
    const growth = await findGrowth(beforeTest);
    if (growth !== undefined) leaks.push(`${this.currentTest.fullTitle()}: ${growth}`);
  },
  async afterAll() {
    setTimeout(endLingering, LINGER_MS).unref();
    const growth = hasFailed ? undefined : await findGrowth(atStart);
    if (growth !== undefined) leaks.push(`after the last test: ${growth}`);
    if (leaks.length > 0) throw new Error(`left behind by tests:\n  ${leaks.splice(0).join('\n  ')}`);
  },
};
