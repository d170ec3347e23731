import { setImmediate as nextTurn } from 'node:timers/promises';
import { Observable } from 'rxjs';
import { createTaskQueue, type TaskQueue } from '../../server/dispatch/queue.ts';
import { createRegistry, type Registry } from '../../server/session/registry.ts';
import type { SessionSettings } from '../../server/session/settings.ts';
import { createFailureLog } from '../../server/store/failure.ts';
import type { Signal, Signals } from '../../server/store/signals.ts';
import type { Store } from '../../server/store/store.ts';
import { ContactError } from '../../shared/errors.ts';
import { silentLogger } from '../../shared/logger.ts';
import { createFakeClock, type FakeClock } from '../scene/clock.ts';

/** Small enough that every bound is met in a short run. */
export const SETTINGS: SessionSettings = Object.freeze({
  node: 'n',
  pingIntervalMs: 1_000,
  slowLineBytesPerSecond: 8_192,
  resumeWindowMs: 3_000,
  cancelGraceMs: 2_000,
  pairingMs: 500,
  maxInFlight: 1_000,
  maxPlainInFlight: 10,
  maxResultBytes: 64,
  maxUnreceiptedBytes: 1_000,
  unreceiptedBudgetBytes: 2_500,
});

const WRITES: ReadonlySet<string> = new Set<keyof Store>([
  ...(['insertTasks', 'claimTasks', 'settleTasks', 'releaseTasks', 'checkpointTasks', 'cancelTasks'] as const),
  ...(['redriveTasks', 'wakeTasks', 'openSession', 'loseSession', 'endSession', 'setQueueSettings'] as const),
  'drainClient',
  'rememberServing',
  'forgetClient',
  'leaveServing',
]);

/** Sessions, dispatch and a store without the wire, on a clock that moves when told. */
export interface BareServer {
  readonly clock: FakeClock;
  readonly queue: TaskQueue;
  readonly registry: Registry;
  readonly store: Store;
  /** Writing calls that the store refuses for now, as when the disk is full. */
  readonly refused: Set<string>;
  /** Turns of the event loop between a commit and its answers, as with a store behind a network. */
  lagTurns: number;
  /** What becomes of the signals of a commit on their way: lost, late, doubled. Undefined: nothing. */
  disturb: ((signals: readonly Signal[], pass: () => void) => void) | undefined;
  /** What should never come up: fatal errors. */
  readonly faults: unknown[];
  /** Lets one turn of the event loop pass. */
  turn(): Promise<void>;
  /** Waits until the store has nothing under way and nothing new comes. */
  rest(): Promise<void>;
  /** As after a crash of the process: only what is in the store goes on. */
  restart(): Promise<void>;
  close(): Promise<void>;
}

export interface BareServerOptions {
  /** Default: one of its own. */
  readonly clock?: FakeClock;
  /** How it is called among those that share its store. */
  readonly node?: string;
  readonly pollMs?: number;
}

/** @param random for the jitter of retries */
export async function createBareServer(
  open: () => Promise<Store>,
  random: () => number,
  { clock = createFakeClock(), node = SETTINGS.node, pollMs }: BareServerOptions = {},
): Promise<BareServer> {
  const settings = { ...SETTINGS, node, ...(pollMs === undefined ? {} : { pollMs }) };
  const refused = new Set<string>();
  const faults: unknown[] = [];
  let pending = 0;
  let calls = 0;
  let store: Store;
  let queue: TaskQueue;
  let registry: Registry;

  /** The same store, watched, late and refusing what it is told to. */
  function watchStore(real: Store): Store {
    let last: Promise<unknown> = Promise.resolve();

    /** Answers come late, and in the order of the commits. */
    function delay(): Promise<unknown> {
      const before = last;
      const turns = server.lagTurns;
      last = (async () => {
        for (let left = turns; left > 0; left -= 1) await nextTurn();
        await before;
      })();
      return last;
    }

    async function write(name: string, apply: () => Promise<unknown>): Promise<unknown> {
      try {
        if (refused.has(name)) throw new ContactError('RESOURCE_EXHAUSTED', 'store: full', { retryAfterMs: 200 });
        const answer = await apply();
        await delay();
        return answer;
      } catch (error) {
        await delay();
        throw error;
      } finally {
        pending -= 1;
      }
    }

    return new Proxy(real, {
      get(target, name: keyof Store & string) {
        const member = target[name];
        if (name === 'signals$') return disturbed(target.signals$);
        if (typeof member !== 'function' || !WRITES.has(name)) return member;
        return (...args: unknown[]) => {
          calls += 1;
          pending += 1;
          return write(name, () => (member as (...given: unknown[]) => Promise<unknown>).apply(target, args));
        };
      },
    });
  }

  function disturbed(signals$: Signals): Signals {
    return new Observable((subscriber) =>
      signals$.subscribe({
        next: (signals) => {
          if (server.disturb) server.disturb(signals, () => subscriber.next(signals));
          else subscriber.next(signals);
        },
        complete: () => subscriber.complete(),
      }),
    );
  }

  async function start(): Promise<void> {
    store = watchStore(await open());
    const onFatal = (error: unknown): void => void faults.push(error);
    const logger = { ...silentLogger, error: ({ err }: { err?: unknown }) => void faults.push(err) };
    const noteFailure = createFailureLog({ logger, monotonic: clock.monotonic });
    queue = await createTaskQueue({ store, node, clock, ...(pollMs === undefined ? {} : { pollMs }), onFatal });
    registry = createRegistry({ queue, store, clock, random, settings, noteFailure, onFatal });
    await registry.recover();
  }

  async function stop(): Promise<void> {
    registry.close();
    await queue.close();
  }

  async function turn(): Promise<void> {
    clock.advance(0);
    await nextTurn();
  }

  async function rest(): Promise<void> {
    for (let quiet = 0; quiet < 2; ) {
      const before = calls;
      await turn();
      quiet = pending === 0 && calls === before ? quiet + 1 : 0;
    }
  }

  const server: BareServer = {
    clock,
    refused,
    lagTurns: 0,
    disturb: undefined,
    faults,
    get queue() {
      return queue;
    },
    get registry() {
      return registry;
    },
    get store() {
      return store;
    },
    turn,
    rest,
    async restart() {
      await stop();
      await start();
    },
    close: stop,
  };
  await start();
  return server;
}
