import { join } from 'node:path';
import { setTimeout as sleep } from 'node:timers/promises';
import { ROOT } from '../../../scripts/tool.ts';
import { createFolder } from '../../scene/folder.ts';
import { type ServerProcess, startNode, startProgram, startServer, type TestProcess } from '../../scene/process.ts';
import { createProxy, type FaultProxy } from '../../scene/proxy.ts';
import { findPython, generateStubs } from '../../scene/python.ts';
import { GAUGED } from '../weight.ts';
import type { CalleeOrder } from './callee.ts';
import type { CallerOrder } from './caller.ts';
import { readLines } from './journal.ts';

const PING_MS = 250;
const WINDOW_MS = 750;
const OUTSTANDING = 24;
/** Where the callee in Python is, and what it needs. */
const EXAMPLES = join(ROOT, 'examples', 'reverse', 'python');
const STUBS = ['contact/v1/reverse.proto', 'contact/v1/contact.proto', 'contact/v1/task.proto'];
const SERVING = /^serving$/m;

/** A process that may be killed and comes again, behind a line of its own. */
export interface Player {
  readonly role: 'callee' | 'caller';
  /** The process of the moment, and the name that its lines have. */
  readonly process: TestProcess;
  readonly name: string;
  readonly proxy: FaultProxy;
  /** Names of those before it, which were killed. */
  readonly killed: readonly string[];
  /** SIGKILL, and the next one. */
  restart(pauseMs: number): Promise<void>;
}

export interface Scene {
  readonly folder: string;
  readonly address: string;
  readonly server: ServerProcess;
  readonly callees: readonly Player[];
  readonly callers: readonly Player[];
  /** SIGKILL, and the next one on the same file and port. */
  restartServer(pauseMs: number): Promise<void>;
  /** Calls that have ended, about. */
  countEnded(): number;
  /** Resolves once the callers of the moment have been told how each of their calls has ended. */
  finishCalls(): Promise<void>;
  close(): Promise<void>;
}

export interface SceneOptions {
  readonly seed: number;
  /** Of all callers. */
  readonly calls: number;
  readonly calleeCount: number;
  readonly callerCount: number;
}

const LOADED = ['gaps.ts', 'openstreams.ts'].map((file) => join(import.meta.dirname, file));

/** A server on a file, callees in both languages and callers around it. */
export async function createScene({ seed, calls, calleeCount, callerCount }: SceneOptions): Promise<Scene> {
  const folder = createFolder();
  const proxies: FaultProxy[] = [];
  const store = `sqlite:${join(folder, 'contact.db')}`;
  const python = findPython();
  const environmentOf = (name: string) => ({ CONTACT_LINES: folder, CONTACT_NAME: name });
  const [gaps = '', openStreams = ''] = LOADED;
  let serverCount = 0;

  const startNext = (listen = '127.0.0.1:0'): Promise<ServerProcess> => {
    serverCount += 1;
    return startServer({
      store,
      listen,
      args: ['--log-level', 'warn', '--ping-interval', `${PING_MS}ms`, '--resume-window', `${WINDOW_MS}ms`],
      nodeArgs: [...GAUGED, '--import', gaps, '--import', openStreams],
      env: environmentOf(`server.${serverCount}`),
    });
  };
  let server = await startNext();
  const { address } = server;
  const clientIds = Array.from({ length: calleeCount }, (_, at) => `callee-${at}`);

  function startSdkCallee(at: number, name: string, proxy: FaultProxy): TestProcess {
    const labels: Record<string, string> = at < 2 ? { lane: 'a' } : {};
    const about = { server: proxy.address, folder, name, clientId: clientIds[at]!, labels };
    // One of them is full now and then.
    const order: CalleeOrder = { ...about, maxCalls: at === 1 ? 4 : 100 };
    return startLoaded('callee.ts', order, name);
  }

  function startLoaded(script: string, order: CalleeOrder | CallerOrder, name: string): TestProcess {
    const nodeArgs = [...GAUGED, '--import', gaps];
    const path = join(import.meta.dirname, script);
    return startNode([path, JSON.stringify(order)], { nodeArgs, env: environmentOf(name), stdin: 'open' });
  }

  function startPythonCallee(at: number, name: string, proxy: FaultProxy): TestProcess {
    const script = join(ROOT, 'test', 'python', 'soak_callee.py');
    const args = ['-u', script, proxy.address, clientIds[at]!, join(folder, `${name}.lines`)];
    return startProgram(python!, args, { env: { PYTHONPATH: `${folder}:${EXAMPLES}`, PYTHONDONTWRITEBYTECODE: '1' } });
  }

  async function createPlayer(
    role: Player['role'],
    title: string,
    start: (name: string, proxy: FaultProxy, before: string | undefined) => TestProcess,
  ): Promise<Player> {
    const proxy = await createProxy(address);
    proxies.push(proxy);
    const killed: string[] = [];
    let name = `${title}.1`;
    let process = start(name, proxy, undefined);
    return {
      role,
      proxy,
      killed,
      get process() {
        return process;
      },
      get name() {
        return name;
      },
      async restart(pauseMs) {
        await process.stop('SIGKILL');
        killed.push(name);
        await sleep(pauseMs);
        const before = name;
        name = `${title}.${killed.length + 1}`;
        process = start(name, proxy, before);
      },
    };
  }

  if (python !== undefined) {
    generateStubs(folder, STUBS);
    generateStubs(folder, ['echo.proto'], join(ROOT, 'test', 'echo'));
  }
  const callees: Player[] = [];
  for (let at = 0; at < calleeCount; at++) {
    const isPython = python !== undefined && at === calleeCount - 1;
    const start = isPython ? startPythonCallee : startSdkCallee;
    callees.push(await createPlayer('callee', clientIds[at]!, (name, proxy) => start(at, name, proxy)));
  }
  await Promise.all(callees.map((callee) => callee.process.waitFor(SERVING, 'stdout')));

  const callers: Player[] = [];
  const each = Math.ceil(calls / callerCount);
  const leftOf: number[] = [];
  for (let at = 0; at < callerCount; at++) {
    callers.push(
      await createPlayer('caller', `caller-${at}`, (name, proxy, before) => {
        // What one that was killed has not made, the next one makes.
        const left = before === undefined ? each : leftOf[at]! - countMade(folder, before);
        leftOf[at] = left;
        const about = { server: proxy.address, folder, name, seed, outstanding: OUTSTANDING, callees: clientIds };
        return startLoaded('caller.ts', { ...about, count: left }, name);
      }),
    );
  }

  return {
    folder,
    address,
    get server() {
      return server;
    },
    callees,
    callers,
    async restartServer(pauseMs) {
      await server.kill();
      await sleep(pauseMs);
      server = await startNext(address);
    },
    countEnded: () =>
      callers.reduce((sum, { process }, at) => {
        const [, ended = 0] = [...process.stdout.matchAll(/^ended (\d+)$/gm)].at(-1) ?? [];
        return sum + each - leftOf[at]! + Number(ended);
      }, 0),
    async finishCalls() {
      await Promise.all(callers.map((caller) => caller.process.waitFor(/^done$/m, 'stdout')));
    },
    async close() {
      await Promise.all([...callers, ...callees].map((player) => player.process.stop('SIGKILL')));
      await Promise.all(proxies.map((proxy) => proxy.close()));
      await server.kill();
    },
  };
}

function countMade(folder: string, name: string): number {
  const ids = readLines(folder, name).flatMap((line) => (line.kind === 'made' ? [line.id] : []));
  return new Set(ids).size;
}
