import diagnostics from 'node:diagnostics_channel';
import { mkdtempSync, rmSync } from 'node:fs';
import type { Socket } from 'node:net';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import {
  create,
  type DescMessage,
  type DescMethodUnary,
  type DescService,
  fromBinary,
  type MessageInitShape,
  type MessageShape,
  toBinary,
} from '@bufbuild/protobuf';
import { type CallOptions, Channel, type ChannelOptions, credentials, status } from '@grpc/grpc-js';
import {
  AdminService,
  ContactService,
  classic,
  health,
  type NewTaskSchema,
  reflection,
  reflectionV1alpha,
  type Task,
  TaskService,
} from '../../gen/index.ts';
import { type ContactServer, createServer, type ServerOptions, type ServerParts } from '../../server/index.ts';
import { createClient, type GrpcClient, methodPath } from '../../shared/grpc.ts';
import { createProxy, type FaultProxy } from '../faults/proxy.ts';

/** All that a server serves. */
export const SERVICES: readonly DescService[] = [
  ContactService,
  TaskService,
  AdminService,
  classic.Contact,
  health.Health,
  reflection.ServerReflection,
  reflectionV1alpha.ServerReflection,
];

/** Clients of every service over one connection of their own. */
export interface Clients {
  readonly channel: Channel;
  readonly contact: GrpcClient<typeof ContactService>;
  readonly tasks: GrpcClient<typeof TaskService>;
  readonly admin: GrpcClient<typeof AdminService>;
  readonly classic: GrpcClient<typeof classic.Contact>;
  readonly health: GrpcClient<typeof health.Health>;
  readonly reflection: GrpcClient<typeof reflection.ServerReflection>;
  readonly reflectionV1alpha: GrpcClient<typeof reflectionV1alpha.ServerReflection>;
}

/** A running server. */
export interface Scene {
  readonly address: string;
  readonly server: ContactServer;
  /** Connections that the server has open. */
  readonly connectionCount: number;
  /** Stops it and starts another on the same port and store. */
  restart(changes?: Partial<ServerOptions>): Promise<void>;
  /** Of a durable scene. */
  readonly storeFile: string;
}

const closers: (() => unknown)[] = [];

/** Call it in a `describe`: `afterEach(closeScene)`. Closes everything, the newest first. */
export async function closeScene(): Promise<void> {
  for (const close of closers.splice(0).reverse()) await close();
}

export function atEnd(close: () => unknown): void {
  closers.push(close);
}

/** A server in memory (or on a file: `isDurable`) with intervals of a fraction of the real ones. */
export async function startScene(
  { isDurable = false, ...options }: Partial<ServerOptions> & { readonly isDurable?: boolean } = {},
  parts: Partial<ServerParts> = {},
): Promise<Scene> {
  const folder = isDurable ? mkdtempSync(join(tmpdir(), 'contact-transport-')) : undefined;
  const sockets = new Set<Socket>();
  let port = 0;

  function watchSocket(message: unknown): void {
    const { socket } = message as { readonly socket: Socket };
    if (socket.localPort !== port) return;
    sockets.add(socket);
    socket.once('close', () => sockets.delete(socket));
  }

  const storeFile = join(folder ?? '', 'test.db');

  async function start(changes: Partial<ServerOptions> = {}): Promise<ContactServer> {
    const server = await createServer(
      {
        listen: `127.0.0.1:${port}`,
        store: folder === undefined ? 'memory:' : `sqlite:${storeFile}`,
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
    ({ port } = await server.listen());
    return server;
  }

  let server = await start();
  diagnostics.subscribe('net.server.socket', watchSocket);
  atEnd(async () => {
    await server.close({ deadlineMs: 0 });
    diagnostics.unsubscribe('net.server.socket', watchSocket);
    if (folder !== undefined) rmSync(folder, { recursive: true });
  });
  return {
    address: `127.0.0.1:${port}`,
    get server() {
      return server;
    },
    get connectionCount() {
      return sockets.size;
    },
    async restart(changes) {
      await server.close({ deadlineMs: 0 });
      server = await start(changes);
    },
    storeFile,
  };
}

export async function startProxy(scene: Scene): Promise<FaultProxy> {
  const proxy = await createProxy(scene.address);
  atEnd(() => proxy.close());
  return proxy;
}

export function connect({ address }: { readonly address: string }, options: ChannelOptions = {}): Clients {
  // Else every channel of the process to one address shares one connection.
  const channel = new Channel(address, credentials.createInsecure(), {
    'grpc.use_local_subchannel_pool': 1,
    'grpc.initial_reconnect_backoff_ms': 100,
    'grpc.min_reconnect_backoff_ms': 100,
    'grpc.max_reconnect_backoff_ms': 200,
    'grpc.max_receive_message_length': -1,
    'grpc.max_send_message_length': -1,
    ...options,
  });
  atEnd(() => channel.close());
  const open = <S extends Parameters<typeof createClient>[0]>(service: S): GrpcClient<S> =>
    createClient(service, address, credentials.createInsecure(), { channelOverride: channel });
  return {
    channel,
    contact: open(ContactService),
    tasks: open(TaskService),
    admin: open(AdminService),
    classic: open(classic.Contact),
    health: open(health.Health),
    reflection: open(reflection.ServerReflection),
    reflectionV1alpha: open(reflectionV1alpha.ServerReflection),
  };
}

/** The answer of a unary call: `ask(clients, TaskService.method.describeTask, { id })`. */
export function ask<I extends DescMessage, O extends DescMessage>(
  { tasks }: Clients,
  method: DescMethodUnary<I, O>,
  request: MessageInitShape<I>,
  options: CallOptions = {},
): Promise<MessageShape<O>> {
  const serialize = (message: MessageInitShape<I>): Buffer =>
    Buffer.from(toBinary(method.input, create(method.input, message)));
  const deserialize = (bytes: Buffer): MessageShape<O> => fromBinary(method.output, bytes);
  return new Promise((resolve, reject) => {
    // Any client of the channel can call any method.
    tasks.makeUnaryRequest(methodPath(method), serialize, deserialize, request, options, (error, value) => {
      if (error) reject(error);
      else resolve(value!);
    });
  });
}

/** The code and words that a promise is refused with: `NOT_FOUND id: no task …`. */
export async function refusalOf(promise: Promise<unknown>): Promise<string> {
  try {
    await promise;
  } catch (error) {
    const { code, details } = error as { code: status; details: string };
    return `${status[code]} ${details}`;
  }
  return 'OK';
}

export type TaskInit = MessageInitShape<typeof NewTaskSchema>;

/** Enqueues as one batch and answers the ids. */
export async function enqueue(clients: Clients, ...batch: TaskInit[]): Promise<string[]> {
  const tasks = batch.map((task) => ({ queue: 'q', ...task }));
  const stored = await ask(clients, TaskService.method.enqueueTasks, { tasks });
  return stored.tasks.map(({ id }) => id);
}

/** Many small tasks; the payload of each is its number. */
export function enqueueMany(clients: Clients, count: number, task: TaskInit = {}): Promise<string[]> {
  return enqueue(clients, ...Array.from({ length: count }, (_, n) => ({ payload: Buffer.from(String(n)), ...task })));
}

export async function describeTask(clients: Clients, id: string): Promise<Task> {
  return (await ask(clients, TaskService.method.describeTask, { id })).task!;
}

/** Waits for a condition; what it waits for comes over a socket. */
export async function until(what: string, condition: () => unknown, patienceMs = 60_000): Promise<void> {
  const deadline = performance.now() + patienceMs;
  while (!(await condition())) {
    if (performance.now() > deadline) throw new Error(`waited in vain: ${what}`);
    await new Promise((resolve) => setTimeout(resolve, 2));
  }
}

/** What must not happen: looks for `ms`. The only wait by time, for things that leave no trace. */
export async function never(what: string, condition: () => unknown, ms: number): Promise<void> {
  const deadline = performance.now() + ms;
  while (performance.now() < deadline) {
    if (await condition()) throw new Error(`came about: ${what}`);
    await new Promise((resolve) => setTimeout(resolve, 5));
  }
}
