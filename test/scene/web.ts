import http, { type IncomingHttpHeaders } from 'node:http';
import net from 'node:net';
import { createWorker, type Worker } from '../../client/index.ts';
import { atEnd } from './end.ts';
import { connectTo, type Scene } from './server.ts';

/** A request of HTTP/1 by hand. */
export interface Asked {
  readonly verb?: string;
  readonly token?: string | undefined;
  readonly headers?: Readonly<Record<string, string>>;
  /** A value is sent as JSON, a text as it is. */
  readonly body?: unknown;
  readonly agent?: http.Agent;
}

export interface Answered {
  readonly status: number;
  readonly headers: IncomingHttpHeaders;
  readonly text: string;
  /** The answer as JSON; undefined: it is none. */
  // biome-ignore lint/suspicious/noExplicitAny: an answer of any route.
  readonly json: any;
}

/** Asks once, over a connection of its own unless an agent is given. */
export function askWeb({ address }: { readonly address: string }, path: string, asked: Asked = {}): Promise<Answered> {
  const { verb = asked.body === undefined ? 'GET' : 'POST', token, headers = {}, body, agent } = asked;
  const [host, port] = address.split(':');
  const text = body === undefined ? undefined : typeof body === 'string' ? body : JSON.stringify(body);
  return new Promise((resolve, reject) => {
    const request = http.request(
      {
        ...{ host, port, path, method: verb, agent: agent ?? false },
        headers: {
          ...(text !== undefined && { 'content-type': 'application/json', 'content-length': Buffer.byteLength(text) }),
          ...(token && { authorization: `Bearer ${token}` }),
          ...headers,
        },
      },
      (response) => {
        const pieces: Buffer[] = [];
        response.on('data', (piece: Buffer) => pieces.push(piece));
        response.on('error', reject);
        response.on('end', () => {
          const answer = Buffer.concat(pieces).toString();
          resolve({ status: response.statusCode!, headers: response.headers, text: answer, json: read(answer) });
        });
      },
    );
    request.on('error', reject);
    request.end(text);
  });
}

function read(text: string): unknown {
  try {
    return JSON.parse(text);
  } catch {
    return undefined;
  }
}

/** A stream of events that is being read. */
export interface EventReader {
  readonly status: number;
  // biome-ignore lint/suspicious/noExplicitAny: data of any event.
  readonly events: { readonly id?: string; readonly event?: string; readonly data?: any }[];
  readonly comments: string[];
  /** The newest id, as a browser would give it back. */
  readonly lastId: string | undefined;
  readonly isOver: boolean;
  close(): void;
}

/** Reads server-sent events as a browser does. */
export function readEvents(
  { address }: { readonly address: string },
  path: string,
  { token, headers = {} }: Pick<Asked, 'token' | 'headers'> = {},
): Promise<EventReader> {
  const [host, port] = address.split(':');
  return new Promise((resolve, reject) => {
    const request = http.request(
      {
        ...{ host, port, path, agent: false },
        headers: { accept: 'text/event-stream', ...(token && { authorization: `Bearer ${token}` }), ...headers },
      },
      (response) => {
        const reader = {
          status: response.statusCode!,
          events: [] as EventReader['events'],
          comments: [] as string[],
          lastId: undefined as string | undefined,
          isOver: false,
          close: () => response.destroy(),
        };
        atEnd(() => response.destroy());
        let rest = '';
        response.setEncoding('utf8');
        response.on('data', (piece: string) => {
          const blocks = (rest + piece).split('\n\n');
          rest = blocks.pop()!;
          for (const block of blocks) take(reader, block);
        });
        response.on('error', () => undefined);
        response.on('close', () => {
          reader.isOver = true;
        });
        resolve(reader);
      },
    );
    request.on('error', reject);
    request.end();
  });
}

function take(reader: { lastId: string | undefined } & Pick<EventReader, 'events' | 'comments'>, block: string): void {
  const fields = Object.fromEntries(block.split('\n').map((line) => line.split(/: ?(.*)/s).slice(0, 2)));
  if (block.startsWith(':')) reader.comments.push(block);
  if (fields.id !== undefined) reader.lastId = fields.id;
  if (fields.data !== undefined) reader.events.push({ ...fields, data: JSON.parse(fields.data) });
}

/** Bytes on a connection, and all that comes back until the other end closes it, or nothing has come for a while. */
export function sendRaw(
  { address }: { readonly address: string },
  text: string | Uint8Array,
  quietMs = 400,
): Promise<string> {
  const [host, port] = address.split(':');
  return new Promise((resolve) => {
    const socket = net.connect(Number(port), host);
    let answer = '';
    const end = (): void => {
      socket.destroy();
      resolve(answer);
    };
    socket.setTimeout(quietMs, end);
    socket.on('error', () => undefined).on('close', end);
    socket.on('data', (piece) => {
      answer += piece.toString('latin1');
    });
    socket.write(text);
  });
}

/** A worker of one queue. */
export async function workOn(scene: Scene, queue: string, handler: (payload: unknown) => unknown): Promise<Worker> {
  const worker = createWorker({ ...connectTo(scene.address), queues: [queue], handler });
  atEnd(() => worker.stop());
  await worker.connected();
  return worker;
}
