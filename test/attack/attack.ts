import assert from 'node:assert/strict';
import { existsSync, readFileSync } from 'node:fs';
import { join } from 'node:path';
import { credentials } from '@grpc/grpc-js';
import type { Context } from 'mocha';
import { spreadOf } from '../../bench/statistics.ts';
import { type ConnectionOptions, createProducer, createWorker } from '../../client/index.ts';
import { createServer } from '../../server/index.ts';
import { createClient } from '../../shared/grpc.ts';
import { Echo } from '../echo/gen/echo_pb.ts';
import { untilServed, writeCallerMetadata } from '../scene/callers.ts';
import { createEcho } from '../scene/echo.ts';
import { createFolder } from '../scene/folder.ts';
import { isFull } from '../scene/full.ts';
import { cleanUpProcesses, isRunning, type ServerProcess, startServer } from '../scene/process.ts';
import { skipLoudly } from '../scene/skip.ts';

/** What a server under attack may take at its highest. */
const MAX_MEMORY_MIB = 512;
const CALL_EVERY_MS = 20;
const CALL_DEADLINE_MS = 15_000;
/** Calls of the witness that are waited for before an attack and after it. */
const CALLS_AROUND = 5;

/** How many of something an attack uses: few in each run of the tests, more in the long form. */
export function scale(short: number, long: number): number {
  return isFull ? long : short;
}

/** The client that behaves. */
export const WITNESS = 'witness';

interface Witness {
  stop(): Promise<void>;
  /** Waits for that many more answers, or for an error. */
  hear(count: number): Promise<void>;
  readonly errors: readonly unknown[];
  readonly latencies: readonly number[];
  /** Of live calls to the witness itself; empty: none are made. */
  readonly liveLatencies: readonly number[];
}

/**
 * A worker and a producer that behave, beside the attack: a call every 20 ms, each of which has to be answered. With
 * `isCalled` the worker is the client `WITNESS` and serves `echo.Echo`, which is called live as often.
 */
async function startWitness(
  connection: ConnectionOptions & { readonly server: string },
  isCalled: boolean,
): Promise<Witness> {
  const address = connection.server;
  const worker = createWorker({
    ...connection,
    queues: ['witness'],
    handler: (payload) => payload,
    // Else its id is drawn, as that of most workers is.
    ...(isCalled ? { clientId: WITNESS } : {}),
  });
  if (isCalled) worker.serve(Echo, createEcho());
  await worker.connected();
  if (isCalled) await untilServed(address, WITNESS);
  const producer = createProducer<number>(connection);
  const errors: unknown[] = [];
  const latencies: number[] = [];
  const liveLatencies: number[] = [];
  let isStopped = false;
  worker.status$.subscribe(({ state, error }) => {
    if (state !== 'connected' && !isStopped) errors.push(error ?? new Error(`the worker is ${state}`));
  });

  async function callOn(): Promise<void> {
    for (let n = 0; !isStopped; n++) {
      const from = performance.now();
      try {
        assert.equal(await producer.call('witness', n, { deadlineMs: CALL_DEADLINE_MS }), n);
        latencies.push(performance.now() - from);
      } catch (error) {
        errors.push(error);
      }
      await new Promise((resolve) => setTimeout(resolve, CALL_EVERY_MS));
    }
  }

  async function callLive(): Promise<void> {
    const client = createClient(Echo, address, credentials.createInsecure(), { 'grpc.use_local_subchannel_pool': 1 });
    const metadata = writeCallerMetadata({ 'contact-client': WITNESS });
    while (!isStopped) {
      const from = performance.now();
      await new Promise<void>((resolve) => {
        client.unary({}, metadata, { deadline: Date.now() + CALL_DEADLINE_MS }, (error) => {
          if (error) errors.push(error);
          else liveLatencies.push(performance.now() - from);
          resolve();
        });
      });
      await new Promise((resolve) => setTimeout(resolve, CALL_EVERY_MS));
    }
    client.close();
  }

  const calling = Promise.all([callOn(), isCalled ? callLive() : undefined]);
  return {
    errors,
    latencies,
    liveLatencies,
    async hear(count) {
      const goal = latencies.length + count;
      while (latencies.length < goal && errors.length === 0) await new Promise((resolve) => setTimeout(resolve, 5));
    },
    async stop() {
      isStopped = true;
      await calling;
      await Promise.all([worker.stop({ deadlineMs: 1_000 }), producer.close({ deadlineMs: 1_000 })]);
    },
  };
}

/** The token of the first operator of a store. */
async function makeToken(store: string): Promise<string> {
  let made = '';
  const options = { store, listen: '127.0.0.1:0', auth: 'on' } as const;
  const keepOperatorToken = (token: string): void => {
    made = token;
  };
  const first = await createServer(options, { keepOperatorToken });
  await first.listen();
  await first.close({ deadlineMs: 0 });
  return made;
}

/** The most memory that a process ever had, by the kernel. */
function readPeakMiB(pid: number): number {
  const status = readFileSync(`/proc/${pid}/status`, 'utf8');
  return Number(/^VmHWM:\s+(\d+) kB$/m.exec(status)![1]) / 1_024;
}

/** Runs an attack and then looks at the server and the witness. */
export type Attack = (
  test: Context,
  act: (server: ServerProcess, operatorToken: string) => Promise<void>,
) => Promise<void>;

export interface AttackOptions {
  /** A program that runs the server. */
  readonly under?: readonly string[];
  /** Beside the default flags. */
  readonly args?: readonly string[];
  /** Callers have to say who they are; the witness does. */
  readonly isGuarded?: boolean;
  /** The server speaks TLS; not together with `isCalled`. */
  readonly isEncrypted?: boolean;
  /** The witness is called live too. */
  readonly isCalled?: boolean;
}

/**
 * Call it in a `describe`: a `contact serve` with default flags for each of its attacks, and a witness beside them.
 * After an attack the server is alive and never took more than its memory, and every call of the witness was
 * answered, those during the attack and some after it.
 */
export function prepareAttacks({
  isCalled = false,
  isGuarded = false,
  isEncrypted = false,
  args: given = [],
  ...options
}: AttackOptions = {}): Attack {
  let server: ServerProcess;
  let witness: Witness;
  let operatorToken = '';

  before(function () {
    if (!existsSync('/proc/self/status')) skipLoudly(this, 'the memory of another process is read from /proc');
  });
  beforeEach(async () => {
    const file = join(createFolder(), 'contact.db');
    const store = `sqlite:${file}`;
    const token = isGuarded ? await makeToken(store) : undefined;
    operatorToken = token ?? '';
    const args = ['--auth', isGuarded ? 'on' : 'off', ...(isEncrypted ? ['--tls', 'auto'] : []), ...given];
    server = await startServer({ store, args, ...options });
    const tls = isEncrypted ? { tls: { ca: readFileSync(`${file}.ca.pem`) } } : {};
    witness = await startWitness(
      { server: server.address, ...(token === undefined ? {} : { token }), ...tls },
      isCalled,
    );
  });
  afterEach(async () => {
    await witness.stop();
    await server.kill();
  });
  cleanUpProcesses();

  return async (test, act) => {
    test.timeout(scale(60_000, 240_000));
    test.slow(scale(8_000, 60_000));
    const from = witness.latencies.length;
    await witness.hear(CALLS_AROUND);
    await act(server, operatorToken);
    assert.ok(isRunning(server.pid), `the server ended: ${server.stderr.slice(-2_000)}`);
    await witness.hear(CALLS_AROUND);
    const { p99, count } = spreadOf(witness.latencies.slice(from));
    const peakMiB = readPeakMiB(server.pid);
    console.log(`      ${count} calls beside it, p99 ${p99.toFixed(0)} ms; memory at most ${peakMiB.toFixed(0)} MiB`);
    if (isCalled) {
      const live = spreadOf(witness.liveLatencies);
      console.log(`      ${live.count} live calls beside it, p99 ${live.p99.toFixed(0)} ms`);
    }
    assert.deepEqual(witness.errors.map(String), []);
    assert.ok(peakMiB < MAX_MEMORY_MIB, `the server took ${peakMiB.toFixed(0)} MiB`);
  };
}
