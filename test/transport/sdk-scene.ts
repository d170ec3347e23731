import { mkdtempSync, rmSync } from 'node:fs';
import { createConnection, createServer as createTcpServer, type Server, type Socket } from 'node:net';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import type { ConnectionOptions } from '../../client/index.ts';
import { type ContactServer, createServer, type ServerOptions } from '../../server/index.ts';

/** What a scene has opened and closes again, the newest first. */
const open: (() => unknown)[] = [];

/** Closes `thing` after the test. */
export function use<T extends { close(): unknown }>(thing: T): T {
  open.push(() => thing.close());
  return thing;
}

/** Stops a worker after the test, however it fares. */
export function useWorker<T extends { stop(options: { deadlineMs: number }): Promise<void> }>(worker: T): T {
  open.push(() => worker.stop({ deadlineMs: 200 }).catch(() => {}));
  return worker;
}

export async function closeScene(): Promise<void> {
  for (const close of open.splice(0).reverse()) await close();
}

export interface TestServer {
  readonly address: string;
  /** Stops and starts it again: the same port, the same file. */
  restart(options?: { readonly deadlineMs?: number }): Promise<void>;
  stop(options?: { readonly deadlineMs?: number }): Promise<void>;
  start(): Promise<void>;
}

/** A real server on a file of its own, with intervals at a fraction of the real ones. */
export async function startServer(options: Partial<ServerOptions> = {}): Promise<TestServer> {
  const folder = mkdtempSync(join(tmpdir(), 'contact-sdk-'));
  let server: ContactServer | null = null;
  let port = 0;

  async function start(): Promise<void> {
    server = await createServer({
      listen: `127.0.0.1:${port}`,
      store: `sqlite:${join(folder, 'test.db')}`,
      pingIntervalMs: 100,
      resumeWindowMs: 1_500,
      shutdownDeadlineMs: 200,
      ...options,
    });
    port = (await server.listen()).port;
  }

  async function stop(closing?: { readonly deadlineMs?: number }): Promise<void> {
    const stopping = server;
    server = null;
    await stopping?.close(closing);
  }

  await start();
  open.push(async () => {
    await stop({ deadlineMs: 0 });
    rmSync(folder, { recursive: true, force: true });
  });
  return {
    address: `127.0.0.1:${port}`,
    start,
    stop,
    async restart(closing) {
      await stop(closing);
      await start();
    },
  };
}

/** Quick to come back. */
export function connectTo(address: string): ConnectionOptions {
  return { server: address, backoff: { baseMs: 20, capMs: 100 } };
}

/** Resolves when the condition holds; looks once a turn, since what it waits for comes over a socket. */
export async function until(what: string, condition: () => unknown, patienceMs = 60_000): Promise<void> {
  const deadline = performance.now() + patienceMs;
  while (!(await condition())) {
    if (performance.now() > deadline) throw new Error(`waited in vain: ${what}`);
    await new Promise((resolve) => setTimeout(resolve, 2));
  }
}

export interface Line {
  readonly address: string;
  /** Nothing goes through any more, and nobody is told: a cut cable. */
  freeze(): void;
  /** New connections go through; old ones stay dead. */
  mend(): void;
  close(): Promise<void>;
}

/** A line to `target` that can be cut. */
export async function openLine(target: string): Promise<Line> {
  const sockets = new Set<Socket>();
  let isFrozen = false;
  const [host, port] = target.split(':') as [string, string];
  const server: Server = createTcpServer((near) => {
    const far = createConnection(Number(port), host);
    for (const socket of [near, far]) {
      sockets.add(socket);
      socket.on('error', () => {});
      socket.on('close', () => sockets.delete(socket));
      if (isFrozen) socket.pause();
    }
    if (isFrozen) return;
    near.pipe(far).pipe(near);
  });
  await new Promise<void>((resolve) => server.listen(0, '127.0.0.1', resolve));
  const { port: own } = server.address() as { port: number };
  const line: Line = {
    address: `127.0.0.1:${own}`,
    freeze() {
      isFrozen = true;
      for (const socket of sockets) socket.unpipe().pause();
    },
    mend() {
      isFrozen = false;
    },
    async close() {
      for (const socket of sockets) socket.destroy();
      await new Promise((resolve) => server.close(resolve));
    },
  };
  return use(line);
}
