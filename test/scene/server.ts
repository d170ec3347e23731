import diagnostics from 'node:diagnostics_channel';
import { rmSync } from 'node:fs';
import type { Socket } from 'node:net';
import { join } from 'node:path';
import type { ConnectionOptions, TlsOptions } from '../../client/index.ts';
import { silentLogger } from '../../client/options.ts';
import {
  type ContactServer,
  createServer,
  type Listening,
  type ServerOptions,
  type ServerParts,
} from '../../server/index.ts';
import { atEnd } from './end.ts';
import { createFolder } from './folder.ts';

/** A server in this process. */
export interface Scene {
  /** HOST:PORT, the same after each start. */
  readonly address: string;
  readonly server: ContactServer;
  /** What its listening answered last. */
  readonly listening: Listening;
  /** Options of SDK clients that trust its certificate, where it has one. */
  readonly tls: TlsOptions;
  /** Connections that the server has open. */
  readonly connectionCount: number;
  /** HOST:PORT of its metrics, with the option `metrics`. */
  readonly metrics: string;
  /** The database of a durable scene. */
  readonly storeFile: string;
  stop(closing?: { readonly deadlineMs?: number }): Promise<void>;
  /** Starts it again after `stop`, on the same port and store. */
  start(changes?: Partial<ServerOptions>): Promise<void>;
  /** Stops it without waiting for anybody, and starts it again. */
  restart(changes?: Partial<ServerOptions>): Promise<void>;
}

export interface SceneOptions extends Partial<ServerOptions> {
  /** On a file; default: in memory. */
  readonly isDurable?: boolean;
}

/** A real server, with intervals of a fraction of the real ones. */
export async function startScene(
  { isDurable = false, ...options }: SceneOptions = {},
  parts: Partial<ServerParts> = {},
): Promise<Scene> {
  const folder = isDurable ? createFolder() : undefined;
  const storeFile = join(folder ?? '', 'test.db');
  const sockets = new Set<Socket>();
  let server: ContactServer | undefined;
  let port = 0;
  let listening: Listening;

  function watchSocket(message: unknown): void {
    const { socket } = message as { readonly socket: Socket };
    if (socket.localPort !== port) return;
    sockets.add(socket);
    socket.once('close', () => sockets.delete(socket));
  }

  async function start(changes: Partial<ServerOptions> = {}): Promise<void> {
    server = await createServer(
      {
        listen: `127.0.0.1:${port}`,
        store: isDurable ? `sqlite:${storeFile}` : 'memory:',
        pingIntervalMs: 200,
        slowLineBytesPerSecond: 400_000,
        resumeWindowMs: 400,
        stuckSocketMs: 200,
        pairingMs: 200,
        ...options,
        ...changes,
      },
      parts,
    );
    listening = await server.listen();
    ({ port } = listening);
  }

  async function stop(closing?: { readonly deadlineMs?: number }): Promise<void> {
    const stopping = server;
    server = undefined;
    await stopping?.close(closing);
  }

  await start();
  diagnostics.subscribe('net.server.socket', watchSocket);
  atEnd(async () => {
    await stop({ deadlineMs: 0 });
    diagnostics.unsubscribe('net.server.socket', watchSocket);
    if (folder !== undefined) rmSync(folder, { recursive: true, force: true });
  });
  return {
    address: `127.0.0.1:${port}`,
    get server() {
      return server!;
    },
    get listening() {
      return listening;
    },
    get tls() {
      return { ca: Buffer.from(listening.tls?.ca ?? '') };
    },
    get connectionCount() {
      return sockets.size;
    },
    get metrics() {
      return listening.metrics ?? '';
    },
    storeFile,
    start,
    stop,
    async restart(changes) {
      await stop({ deadlineMs: 0 });
      await start(changes);
    },
  };
}

/** A server on a file for clients of the SDK: they have time to come back within the resume window. */
export function startDurable(options: Partial<ServerOptions> = {}, parts: Partial<ServerParts> = {}): Promise<Scene> {
  const quick = { isDurable: true, pingIntervalMs: 100, resumeWindowMs: 1_500, shutdownDeadlineMs: 200 };
  return startScene({ ...quick, ...options }, parts);
}

/** Options of an SDK client that is quick to come back. */
export function connectTo(address: string): ConnectionOptions {
  return { server: address, backoff: { baseMs: 20, capMs: 100 }, logger: silentLogger };
}
