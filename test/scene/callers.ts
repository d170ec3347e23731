import { Buffer } from 'node:buffer';
import { once } from 'node:events';
import {
  type CallOptions,
  type ClientOptions,
  credentials,
  Metadata,
  Server,
  ServerCredentials,
  type StatusObject,
} from '@grpc/grpc-js';
import { createWorker, type ServiceHandlers, type Worker, type WorkerOptions } from '../../client/index.ts';
import { createClient, defineService, type GrpcClient } from '../../shared/grpc.ts';
import { Echo } from '../echo/gen/echo_pb.ts';
import { createEcho } from './echo.ts';
import { atEnd, useWorker } from './end.ts';
import { connectTo } from './server.ts';
import { until } from './until.ts';

/** A worker that serves the echo service at a server; resolves once it can be called. */
export async function startCallee(
  address: string,
  handlers: ServiceHandlers<typeof Echo> = createEcho(),
  options: Partial<WorkerOptions<unknown, unknown>> = {},
): Promise<Worker> {
  const worker = useWorker(
    createWorker({ ...connectTo(address), queues: ['unused'], handler: () => null, clientId: 'callee', ...options }),
  );
  worker.serve(Echo, handlers);
  await untilServed(address, worker.clientId);
  return worker;
}

/** Resolves once this client answers, or somebody does if none is named. */
export async function untilServed(address: string, clientId?: string): Promise<void> {
  const caller = createCaller(address);
  const metadata = { 'contact-wait': '10s', ...(clientId === undefined ? {} : { 'contact-client': clientId }) };
  for (;;) {
    // UNIMPLEMENTED until somebody has announced it; that it becomes known is what is waited for here.
    const { code } = await caller.unary('', { metadata });
    if (code === 0) return;
    await new Promise((resolve) => setImmediate(resolve));
  }
}

/** What a call came to. */
export interface Reply {
  readonly code: number;
  readonly details: string;
  readonly bodies: readonly string[];
  readonly headers: Readonly<Record<string, unknown>>;
  readonly trailers: Readonly<Record<string, unknown>>;
}

export interface Ask {
  readonly metadata?: Readonly<Record<string, string | Buffer | readonly (string | Buffer)[]>>;
  readonly deadlineMs?: number;
}

export interface EchoCaller {
  readonly client: GrpcClient<typeof Echo>;
  unary(body: string | Buffer, ask?: Ask): Promise<Reply>;
}

/** Headers that tell of the connection, or of the moment. */
const OF_THE_MOMENT = ['date', 'grpc-accept-encoding', 'content-type', 'accept-encoding'];

export function plain(metadata: Metadata | undefined): Record<string, unknown> {
  const all = metadata?.toJSON() ?? {};
  for (const key of OF_THE_MOMENT) delete all[key];
  return all;
}

export function writeCallerMetadata(pairs: Ask['metadata'] = {}): Metadata {
  const metadata = new Metadata();
  for (const [key, values] of Object.entries(pairs)) {
    for (const value of Array.isArray(values) ? values : [values]) metadata.add(key, value as string);
  }
  return metadata;
}

/** An ordinary stub over a connection of its own. */
export function createCaller(address: string, options: ClientOptions = {}): EchoCaller {
  const limits = { 'grpc.max_receive_message_length': -1, 'grpc.use_local_subchannel_pool': 1 };
  const client = createClient(Echo, address, credentials.createInsecure(), { ...limits, ...options });
  atEnd(() => client.close());
  return {
    client,
    unary: (body, { metadata, deadlineMs = 20_000 } = {}) =>
      new Promise((resolve) => {
        const call: CallOptions = { deadline: Date.now() + deadlineMs };
        const bodies: string[] = [];
        let headers: Record<string, unknown> = {};
        const made = client.unary({ body: Buffer.from(body) }, writeCallerMetadata(metadata), call, (_, answer) => {
          if (answer) bodies.push(digest(answer.body));
        });
        made.on('metadata', (got) => {
          headers = plain(got);
        });
        made.on('status', ({ code, details, metadata: trailers }: StatusObject) =>
          // The callback comes after it.
          setImmediate(() => resolve({ code, details, bodies, headers, trailers: plain(trailers) })),
        );
      }),
  };
}

/** A body in a form that can be compared: short ones as they are. */
export function digest(body: Uint8Array): string {
  if (body.byteLength < 1_000) return Buffer.from(body).toString('latin1');
  let sum = 0;
  for (const byte of body) sum = (sum * 31 + byte) >>> 0;
  return `${body.byteLength} bytes, ${sum}`;
}

/** The same handlers behind an ordinary server, for what a call comes to without contact. */
export async function serveDirectly(
  handlers: ServiceHandlers<typeof Echo> = createEcho(),
  { listen = '127.0.0.1:0', secret = ServerCredentials.createInsecure() } = {},
): Promise<string> {
  const server = new Server({ 'grpc.max_receive_message_length': -1 });
  const definition = defineService(Echo);
  server.addService(definition, adapt(handlers));
  const port = await new Promise<number>((resolve, reject) =>
    server.bindAsync(listen, secret, (error, bound) => (error ? reject(error) : resolve(bound))),
  );
  atEnd(() => server.forceShutdown());
  return listen.startsWith('unix:') ? listen : `127.0.0.1:${port}`;
}

type Any = never;

// biome-ignore lint/suspicious/noExplicitAny: the four kinds of handlers of grpc-js have no common type.
function adapt(handlers: ServiceHandlers<typeof Echo>): any {
  // biome-ignore lint/suspicious/noExplicitAny: as above.
  const contextOf = (call: any) => {
    const aborting = new AbortController();
    call.on('cancelled', () => aborting.abort(new Error('gone')));
    return {
      metadata: call.metadata,
      signal: aborting.signal,
      deadline: undefined,
      caller: '',
      sendHeaders: (metadata: Metadata) => call.sendMetadata(metadata),
      trailers: new Metadata(),
    };
  };
  // biome-ignore lint/suspicious/noExplicitAny: as above.
  const fail = (error: any, { trailers }: { readonly trailers: Metadata }) => {
    if (error?.metadata) trailers.merge(error.metadata);
    return { code: error?.code ?? 2, details: error?.details ?? String(error?.message), metadata: trailers };
  };
  // biome-ignore lint/suspicious/noExplicitAny: as above.
  const one = (handler: Any) => (call: any, callback: any) => {
    const context = contextOf(call);
    Promise.resolve((handler as (input: unknown, context: unknown) => unknown)(call.request ?? call, context)).then(
      (answer) => callback(null, answer, context.trailers),
      (error) => callback(fail(error, context)),
    );
  };
  // biome-ignore lint/suspicious/noExplicitAny: as above.
  const many = (handler: Any) => async (call: any) => {
    const context = contextOf(call);
    const gone = once(call, 'cancelled');
    gone.catch(() => undefined);
    try {
      const run = handler as (input: unknown, context: unknown) => AsyncIterable<unknown>;
      // A handler that stops reading is no end of the call.
      const requests = call.request ?? call.iterator({ destroyOnReturn: false });
      for await (const answer of run(requests, context)) {
        if (call.cancelled) return;
        // After a cancel grpc-js sends no drain.
        if (!call.write(answer)) await Promise.race([new Promise((resolve) => call.once('drain', resolve)), gone]);
      }
      call.end(context.trailers);
    } catch (error) {
      call.emit('error', fail(error, context));
    }
  };
  const { unary, down, up, chat } = handlers as Record<string, Any>;
  return { unary: one(unary!), up: one(up!), down: many(down!), chat: many(chat!) };
}

export { until };
