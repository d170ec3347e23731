import { COSTS, type Figure, type Figures, MEMORY } from '../figure.ts';
import { LARGE, type RoleProcess, startCalleeProcess, startCallerProcess } from '../process.ts';
import { Meter, PAYLOAD_BYTES, type Rig } from '../rig.ts';
import type { CallerAsks, Transfer } from '../roles/messages.ts';
import type { Outcome, Scenario } from '../scenario.ts';

const OUTSTANDING = 64;
const PER_SECOND = 50;
const LARGE_BYTES = 100_000;
const LARGE_OUTSTANDING = 8;
/** Of one task that the load may have, so that a load of the usual size moves 100 MB. */
const TRANSFER_BYTES = 500;
const CHUNK_BYTES = 65_536;
/** Enough calls that no process has anything left to compile. */
const WARM_CALLS = 20_000;
const WARM_MS = 3_000;
const WARM_TRANSFERS = 3;

const YARDSTICK = 'direct';
const RATE: Figure = { key: 'rate', label: 'rate', unit: 'calls/s', better: 'higher' };
const MESSAGES: Figure = { key: 'rate', label: 'rate', unit: 'messages/s', better: 'higher' };
const P50: Figure = { key: 'p50', label: 'p50', unit: 'ms', better: 'lower' };
const P99: Figure = { key: 'p99', label: 'p99', unit: 'ms', better: 'lower' };
const DOWN: Figure = { key: 'down', label: 'to the caller', unit: 'MB/s', better: 'higher' };
const UP: Figure = { key: 'up', label: 'to the callee', unit: 'MB/s', better: 'higher' };
const DOWN_CPU: Figure = { key: 'downCpu', label: 'CPU per 1,000 MB to the caller', unit: 's', better: 'lower' };
const UP_CPU: Figure = { key: 'upCpu', label: 'CPU per 1,000 MB to the callee', unit: 's', better: 'lower' };

/** A caller and a callee of one server; where that is the callee itself, a caller alone. */
class Calls {
  readonly caller: RoleProcess<CallerAsks>;
  readonly #rig: Rig;
  readonly #pids: readonly number[];

  private constructor(rig: Rig, caller: RoleProcess<CallerAsks>, calleePids: readonly number[]) {
    this.#rig = rig;
    this.caller = caller;
    this.#pids = [...rig.server.pids, caller.pid, ...calleePids];
  }

  /** Runs with both, which are ended afterwards. @param isLarge their messages are */
  static async with<T>(rig: Rig, run: (calls: Calls) => Promise<T>, isLarge = false): Promise<T> {
    const { system, server } = rig;
    const target = { system: system.name, address: server.address };
    const caller = startCallerProcess({ isLarge });
    const callee = system.serve ? startCalleeProcess({ isLarge }) : undefined;
    try {
      await callee?.ask.open(target);
      await caller.ask.open(target);
      return await run(new Calls(rig, caller, callee ? [callee.pid] : []));
    } finally {
      for (const role of [caller, callee]) {
        await role?.ask.close();
        await role?.end();
      }
    }
  }

  /** Unary calls of so many bytes, measured; the first of them, in which everything is compiled, are not. */
  async load(bytes: number, outstanding: number, share: number): Promise<Outcome> {
    const { tasks, forMs } = this.#rig.load;
    const calls = Math.max(outstanding, Math.floor(tasks * share));
    await this.caller.ask.call({ calls: Math.min(WARM_CALLS, calls), forMs: WARM_MS, outstanding, bytes });
    const before = await this.count();
    const meter = this.meter();
    try {
      const { tookMs, spread } = await this.caller.ask.call({ calls, forMs, outstanding, bytes });
      const { count, p50, p99 } = spread;
      const costs = meter.read(count);
      await this.check(before, count);
      return {
        figures: { rate: (count / tookMs) * 1_000, p50, p99, ...costs },
        checks: { calls: count, tookMs, max: spread.max },
      };
    } finally {
      meter.stop();
    }
  }

  /** Unary calls that the callee has answered. */
  count(): Promise<number> {
    return this.caller.ask.count();
  }

  /** Throws unless the callee has answered so many calls since. */
  async check(before: number, calls: number): Promise<void> {
    const answered = (await this.count()) - before;
    if (answered !== calls) throw new Error(`the callee has answered ${answered} calls, not ${calls}`);
  }

  meter(): Meter {
    return new Meter(this.#rig.server.pids, this.#pids);
  }

  /** One stream, after some that compile everything; `costs` are for 1,000 of what `units` counts. */
  async transfer(way: 'down' | 'up', transfer: Transfer, units: number): Promise<{ tookMs: number; costs: Figures }> {
    for (let warm = 0; warm < WARM_TRANSFERS; warm += 1) {
      await this.caller.ask[way]({ ...transfer, messages: Math.ceil(transfer.messages / WARM_TRANSFERS) });
    }
    const meter = this.meter();
    try {
      const tookMs = await this.caller.ask[way](transfer);
      return { tookMs, costs: meter.read(units) };
    } finally {
      meter.stop();
    }
  }
}

/** A server that is the callee is given what a callee is. */
const startLarge = () => ({ nodeArgs: LARGE });

export const reverse: Scenario = {
  name: 'reverse',
  about: `Unary calls of ${PAYLOAD_BYTES} bytes, ${OUTSTANDING} at a time, to a client through the server, and to a server directly.`,
  figures: [RATE, P50, P99, ...COSTS],
  needs: ['calls'],
  yardstick: YARDSTICK,
  run: (rig) => Calls.with(rig, (calls) => calls.load(PAYLOAD_BYTES, OUTSTANDING, 1)),
};

export const reversePace: Scenario = {
  name: 'reverse-pace',
  about: `The same at ${PER_SECOND} calls a second.`,
  figures: [P50, P99],
  needs: ['calls'],
  yardstick: YARDSTICK,
  run: (rig) =>
    Calls.with(rig, async (calls) => {
      const { tasks, forMs } = rig.load;
      await calls.load(PAYLOAD_BYTES, OUTSTANDING, Math.min(1, WARM_CALLS / tasks));
      const before = await calls.count();
      const { spread } = await calls.caller.ask.pace({ perSecond: PER_SECOND, forMs, bytes: PAYLOAD_BYTES });
      await calls.check(before, spread.count);
      return { figures: { p50: spread.p50, p99: spread.p99 }, checks: { calls: spread.count, max: spread.max } };
    }),
};

export const reverse100k: Scenario = {
  name: 'reverse-100k',
  about: `Unary calls of ${LARGE_BYTES} bytes each way, ${LARGE_OUTSTANDING} at a time.`,
  figures: [RATE, P50, P99, ...COSTS],
  needs: ['calls'],
  yardstick: YARDSTICK,
  start: startLarge,
  run: (rig) =>
    Calls.with(rig, (calls) => calls.load(LARGE_BYTES, LARGE_OUTSTANDING, PAYLOAD_BYTES / LARGE_BYTES), true),
};

export const reverseStream: Scenario = {
  name: 'reverse-stream',
  about: `One stream of messages of ${PAYLOAD_BYTES} bytes to the caller.`,
  figures: [MESSAGES, ...COSTS],
  needs: ['calls', 'streams'],
  yardstick: YARDSTICK,
  run: (rig) =>
    Calls.with(rig, async (calls) => {
      const messages = rig.load.tasks;
      const { tookMs, costs } = await calls.transfer('down', { messages, bytes: PAYLOAD_BYTES }, messages);
      return { figures: { rate: (messages / tookMs) * 1_000, ...costs }, checks: { messages, tookMs } };
    }),
};

export const reverseBulk: Scenario = {
  name: 'reverse-bulk',
  about: `One stream of 100 MB to the caller, then one to the callee, in messages of ${CHUNK_BYTES} bytes.`,
  figures: [DOWN, UP, DOWN_CPU, UP_CPU, MEMORY],
  needs: ['calls', 'streams'],
  yardstick: YARDSTICK,
  start: startLarge,
  run: (rig) =>
    Calls.with(
      rig,
      async (calls) => {
        const messages = Math.ceil((rig.load.tasks * TRANSFER_BYTES) / CHUNK_BYTES);
        const megabytes = (messages * CHUNK_BYTES) / 1e6;
        const transfer = { messages, bytes: CHUNK_BYTES };
        const down = await calls.transfer('down', transfer, megabytes);
        const up = await calls.transfer('up', transfer, megabytes);
        const rateOf = (tookMs: number): number => (megabytes / tookMs) * 1_000;
        return {
          figures: {
            down: rateOf(down.tookMs),
            up: rateOf(up.tookMs),
            downCpu: down.costs.cpu!,
            upCpu: up.costs.cpu!,
            memory: Math.max(down.costs.memory!, up.costs.memory!),
          },
          checks: { megabytes, downMs: down.tookMs, upMs: up.tookMs },
        };
      },
      true,
    ),
};
