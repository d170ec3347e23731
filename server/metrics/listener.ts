import { createServer, type IncomingMessage, type Server, type ServerResponse } from 'node:http';
import type { AddressInfo, Socket } from 'node:net';

/** What one path answers. */
export interface Page {
  readonly status: number;
  readonly type: string;
  readonly text: string;
}

export interface Listener {
  /** Answers the port, which may have been 0. Rejects as `net.Server.listen` does. */
  listen(host: string, port: number): Promise<{ readonly host: string; readonly port: number }>;
  /** Ends its connections too. */
  close(): Promise<void>;
}

const TEXT = 'text/plain; charset=utf-8';
/** Whoever scrapes needs one, and a probe another; a flood of them is not let in. */
const MAX_CONNECTIONS = 20;
const MAX_HEADER_BYTES = 8 << 10;
const TIMEOUT_MS = 5_000;
/** After so many a connection is closed, so that none is there for ever. */
const MAX_REQUESTS = 1_000;

/**
 * One more than there may be takes the place of the oldest that has asked for nothing since it came or was answered: so who
 * says half a request, again and again, does not take a probe's place, and a server that is well is not restarted. Where
 * all are being answered, the new one goes.
 */
function keepPlaces(server: Server): void {
  const connections = new Set<Socket>();
  const answered = new Set<Socket>();
  server.on('connection', (socket: Socket) => {
    if (connections.size >= MAX_CONNECTIONS) {
      const [oldest = socket] = [...connections].filter((one) => !answered.has(one));
      oldest.destroy();
      connections.delete(oldest);
      if (oldest === socket) return;
    }
    connections.add(socket);
    socket.once('close', () => connections.delete(socket));
  });
  server.prependListener('request', ({ socket }: IncomingMessage, response: ServerResponse) => {
    answered.add(socket);
    response.once('close', () => answered.delete(socket));
  });
}

/**
 * A listener of HTTP/1.1 of its own for who looks after the server: GET and HEAD of a few paths, no bodies, and no more
 * of anything than that takes.
 */
export function createListener(pages: ReadonlyMap<string, () => Page | Promise<Page>>): Listener {
  const server = createServer(
    {
      maxHeaderSize: MAX_HEADER_BYTES,
      headersTimeout: TIMEOUT_MS,
      requestTimeout: TIMEOUT_MS,
      keepAliveTimeout: 2 * TIMEOUT_MS,
      connectionsCheckingInterval: TIMEOUT_MS / 5,
    },
    (request, response) => void answer(request, response),
  );
  // Beyond it nobody is let in at all: those that are made to go take a moment.
  server.maxConnections = 2 * MAX_CONNECTIONS;
  keepPlaces(server);
  server.maxRequestsPerSocket = MAX_REQUESTS;
  // An answer that nobody reads holds its connection no longer than that.
  server.timeout = 2 * TIMEOUT_MS;
  server.on('clientError', (_error, socket) => socket.destroy());

  async function answer(request: IncomingMessage, response: ServerResponse): Promise<void> {
    // A body is thrown away, and with it its connection.
    if (request.headers['content-length'] !== undefined || request.headers['transfer-encoding'] !== undefined)
      response.setHeader('connection', 'close');
    request.resume();
    const { status, type, text } = await find(request);
    const bytes = Buffer.from(text);
    if (status === 405) response.setHeader('allow', 'GET, HEAD');
    response.writeHead(status, {
      'content-type': type,
      'content-length': bytes.byteLength,
      'cache-control': 'no-store',
    });
    response.end(request.method === 'HEAD' ? undefined : bytes);
  }

  async function find({ method, url = '' }: IncomingMessage): Promise<Page> {
    const page = pages.get(url.split('?', 1)[0]!);
    if (!page) return { status: 404, type: TEXT, text: `there is ${[...pages.keys()].join(', ')}\n` };
    if (method !== 'GET' && method !== 'HEAD') return { status: 405, type: TEXT, text: 'GET or HEAD\n' };
    try {
      return await page();
    } catch {
      return { status: 500, type: TEXT, text: 'not now\n' };
    }
  }

  return {
    listen: (host, port) =>
      new Promise((resolve, reject) => {
        server.once('error', reject);
        server.listen({ host, port, exclusive: true }, () => {
          server.off('error', reject);
          const bound = server.address() as AddressInfo;
          resolve({ host: bound.address, port: bound.port });
        });
      }),
    close: () =>
      new Promise((resolve) => {
        server.close(() => resolve());
        server.closeAllConnections();
      }),
  };
}
