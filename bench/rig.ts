import { chmodSync, mkdtempSync, rmSync } from 'node:fs';
import { join } from 'node:path';
import { nowMs, pauseMs, until } from './clock.ts';
import type { Figures } from './figure.ts';
import { type RoleProcess, startProducerProcess, startWorkerProcess } from './process.ts';
import type { Burst, ProducerAsks, WorkerAsks } from './roles/messages.ts';
import type { Counts, RunningServer, StartOptions, System } from './system.ts';
import { MemoryPeak, readCpuSeconds } from './usage.ts';

/** How much load, whatever the scenario. */
export interface Load {
  readonly tasks: number;
  /** Of load; what is left of it then is worked off within the same time again, six times over. */
  readonly forMs: number;
}

export interface RigOptions {
  readonly system: System;
  readonly concurrency: number;
  readonly load: Load;
  /** Where servers have their data. */
  readonly folder: string;
  readonly start?: Omit<StartOptions, 'folder'>;
  /** Tasks a second that this system did in `combined`, as far as known; for loads that are a share of it. */
  readonly capacity: number | null;
}

export const QUEUE = 'bench';
export const PAYLOAD_BYTES = 100;
const WARM_TASKS = 20_000;
const WARM_MS = 3_000;
const PATIENCE = 6;
/** What tasks of a worker that has gone may take to be with the server again. */
const COME_BACK_MS = 200;

/** One server with a producer and workers of their own, for one run of a scenario. */
export class Rig {
  readonly options: RigOptions;
  server: RunningServer;
  readonly producer: RoleProcess<ProducerAsks>;
  readonly #data: string;
  #worker: RoleProcess<WorkerAsks> | null = null;

  private constructor(options: RigOptions, server: RunningServer, data: string, producer: RoleProcess<ProducerAsks>) {
    this.options = options;
    this.server = server;
    this.producer = producer;
    this.#data = data;
  }

  static async start(options: RigOptions): Promise<Rig> {
    const data = mkdtempSync(join(options.folder, `${options.system.name}-`));
    // Some servers refuse to be root, and have to get there as somebody else.
    chmodSync(data, 0o755);
    const server = await options.system.start({ folder: data, ...options.start });
    const rig = new Rig(options, server, data, startProducerProcess());
    try {
      if (rig.#takesTasks) await rig.producer.ask.open({ system: options.system.name, address: server.address });
      return rig;
    } catch (error) {
      await rig.end();
      throw error;
    }
  }

  get system(): System {
    return this.options.system;
  }

  get #takesTasks(): boolean {
    return this.system.abilities.includes('tasks');
  }

  get load(): Load {
    return this.options.load;
  }

  /** How long a run may take to work off what it has. */
  get patienceMs(): number {
    return PATIENCE * this.load.forMs + 10_000;
  }

  get pids(): number[] {
    return [...this.server.pids, this.producer.pid, ...(this.#worker ? [this.#worker.pid] : [])];
  }

  /** A load as large as was asked for, in batches of the system's own liking. */
  burst(change: Partial<Burst> = {}): Burst {
    const { tasks, forMs } = this.load;
    const shape = this.system.batch;
    return { tasks, forMs, shape, payloadBytes: PAYLOAD_BYTES, queues: [QUEUE], failEvery: 0, ...change };
  }

  /** A worker process that is connected and has not begun. The one before is ended. */
  async startWorker(queues: readonly string[] = [QUEUE]): Promise<RoleProcess<WorkerAsks>> {
    await this.endWorker();
    const worker = startWorkerProcess();
    this.#worker = worker;
    const { system, server } = this;
    const target = { system: system.name, address: server.address, queues, concurrency: this.options.concurrency };
    await worker.ask.open(target);
    return worker;
  }

  /** Ends the server and starts it again on its data; answers how long the start took, in milliseconds. */
  async restart(): Promise<number> {
    await this.endWorker();
    await this.producer.ask.close();
    await this.server.stop();
    const startedAt = nowMs();
    this.server = await this.system.start({ folder: this.#data, ...this.options.start });
    const tookMs = nowMs() - startedAt;
    await this.producer.ask.open({ system: this.system.name, address: this.server.address });
    return tookMs;
  }

  async endWorker(): Promise<void> {
    const worker = this.#worker;
    this.#worker = null;
    await worker?.ask.close();
    await worker?.end();
  }

  /**
   * Resolves with the instant when the last of `tasks` results was stored, by the worker's word and the server's: the
   * server holds nothing, and has stored as many results as there should be. Throws when that does not come about.
   * @param doneBefore what this worker had done before
   */
  async settled(worker: RoleProcess<WorkerAsks>, tasks: number, doneBefore = 0): Promise<number> {
    const { done, at } = await worker.ask.until(doneBefore + tasks, this.patienceMs);
    if (done < doneBefore + tasks) throw new Error(`${done - doneBefore} of ${tasks} tasks were done`);
    let isFirst = true;
    return until(`${tasks} tasks off the server`, this.patienceMs, async () => {
      const { left } = await this.producer.ask.counts();
      if (left > 0) {
        isFirst = false;
        return undefined;
      }
      return isFirst && this.system.isDoneAcknowledged ? at : nowMs();
    });
  }

  /**
   * Ends the worker and throws unless the server then still holds nothing (what was not acknowledged would come back)
   * and has stored so many results more than `before`; null: it does not tell.
   */
  async checkStored(before: Counts, tasks: number): Promise<number | null> {
    await this.endWorker();
    await pauseMs(COME_BACK_MS);
    const { left, stored } = await this.producer.ask.counts();
    if (left !== 0) throw new Error(`the server holds ${left} tasks after the end`);
    if (stored === null || before.stored === null) return null;
    if (stored - before.stored !== tasks) throw new Error(`${stored - before.stored} results stored, not ${tasks}`);
    return tasks;
  }

  /** Some tasks all the way through, so that every process has compiled what it will run. */
  async warmUp(worker: RoleProcess<WorkerAsks>, queues: readonly string[] = [QUEUE]): Promise<number> {
    const tasks = Math.min(WARM_TASKS, this.load.tasks);
    const { acknowledged } = await this.producer.ask.burst(this.burst({ tasks, queues, forMs: WARM_MS }));
    await this.settled(worker, acknowledged);
    return acknowledged;
  }

  /** Starts to measure what the processes use; they have to be there already. */
  meter(): Meter {
    return new Meter([...this.server.pids], this.pids);
  }

  async end(): Promise<void> {
    try {
      await this.endWorker();
      if (this.#takesTasks) await this.producer.ask.close();
    } finally {
      await this.producer.end();
      await this.server.stop();
      rmSync(this.#data, { recursive: true, force: true });
    }
  }
}

/** CPU and memory from its creation until it is read. */
export class Meter {
  readonly #server: readonly number[];
  readonly #all: readonly number[];
  readonly #serverBefore: number;
  readonly #allBefore: number;
  readonly #peak: MemoryPeak;

  constructor(server: readonly number[], all: readonly number[]) {
    this.#server = server;
    this.#all = all;
    this.#peak = new MemoryPeak(server, all);
    this.#serverBefore = readCpuSeconds(server);
    this.#allBefore = readCpuSeconds(all);
  }

  /** The figures of COSTS, for so many tasks. */
  read(tasks: number): Figures {
    const cpu = ((readCpuSeconds(this.#all) - this.#allBefore) / tasks) * 1_000;
    const serverCpu = ((readCpuSeconds(this.#server) - this.#serverBefore) / tasks) * 1_000;
    const { serverMiB, allMiB } = this.#peak.stop();
    return { cpu, serverCpu, memory: serverMiB, totalMemory: allMiB };
  }

  /** For a run that failed; again: nothing. */
  stop(): void {
    this.#peak.stop();
  }
}
