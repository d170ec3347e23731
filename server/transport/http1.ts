import { createServer, type IncomingMessage, type ServerResponse } from 'node:http';
import type net from 'node:net';
import { ChurnSet } from '../../shared/churn.ts';
import type { Carrier, CarrierSession } from './carrier.ts';
import type { TakeRequest } from './exchange.ts';

/** After this long without a word the system asks a peer whether it is there: HTTP/1 has no pings of its own. */
const KEEP_ALIVE_MS = 15_000;
/** What is answered to what is no HTTP, by the code of Node's parser. */
const REFUSALS: ReadonlyMap<string | undefined, readonly [status: string, problem: string]> = new Map([
  ['HPE_HEADER_OVERFLOW', ['431 Request Header Fields Too Large', 'the headers are too large (maxHeaderBytes)']],
  ['HPE_CHUNK_EXTENSIONS_OVERFLOW', ['413 Content Too Large', 'the extensions of a chunk are too large']],
]);
const MALFORMED = ['400 Bad Request', 'this is no request of HTTP/1.1'] as const;

export interface Http1Options {
  readonly maxHeaderBytes: number;
  /** HTTP/1 has begun on a connection. */
  readonly enter: (session: CarrierSession) => void;
  readonly take: TakeRequest;
}

/** Connections that speak HTTP/1, each with one request at a time. */
export interface Http1 {
  /** Takes a connection, whose first bytes are still to be read. */
  take(socket: net.Socket): void;
  /** Each connection ends with the request that is under way, or at once. */
  close(): void;
}

/** A connection of HTTP/1, which ends where a session of HTTP/2 would. */
class Line implements CarrierSession {
  readonly socket: net.Socket;
  /** The answer under way. */
  current: ServerResponse | undefined;
  isLeaving = false;

  constructor(socket: net.Socket) {
    this.socket = socket;
  }

  get destroyed(): boolean {
    return this.socket.destroyed;
  }

  goaway(): void {}

  close(): void {
    this.isLeaving = true;
    if (!this.current) this.socket.end();
    else if (!this.current.headersSent) this.current.shouldKeepAlive = false;
  }

  destroy(): void {
    this.socket.destroy();
  }
}

const LINE = Symbol('line');

interface Known {
  [LINE]?: Line;
}

export function createHttp1({ maxHeaderBytes, enter, take }: Http1Options): Http1 {
  // Bounded by the connections that the server takes.
  const lines = new ChurnSet<Line>();
  // Whoever counts connections ends those that are idle, and those whose requests do not come; a body has a deadline.
  const server = createServer({
    maxHeaderSize: maxHeaderBytes,
    ...{ requestTimeout: 0, headersTimeout: 0, keepAliveTimeout: 0, insecureHTTPParser: false },
  });

  function begin(request: IncomingMessage, response: ServerResponse, isAsking: boolean): void {
    const line = (request.socket as Known)[LINE];
    // Whoever does not wait for an answer before the next request may have to send that again.
    if (!line || line.isLeaving || line.current) {
      if (line?.current) line.close();
      else request.socket.destroy();
      return;
    }
    line.current = response;
    response.once('close', () => {
      line.current = undefined;
      if (line.isLeaving) line.socket.destroySoon();
    });
    take(request, response, {
      carrier: carry(line, response),
      goOn: () => isAsking && response.writeContinue(),
      leave: () => line.close(),
      destroy: () => line.destroy(),
    });
  }

  server.on('request', (request, response) => begin(request, response, false));
  server.on('checkContinue', (request, response) => begin(request, response, true));
  server.on('clientError', (error: NodeJS.ErrnoException, socket) => {
    const line = (socket as Known)[LINE];
    if (!socket.writable || line?.current?.headersSent) {
      socket.destroy();
      return;
    }
    const [status, message] = REFUSALS.get(error.code) ?? MALFORMED;
    const body = `${JSON.stringify({ error: { code: 'INVALID_ARGUMENT', message } })}\n`;
    const head = `HTTP/1.1 ${status}\r\ncontent-type: application/json\r\ncontent-length: ${body.length}`;
    socket.end(`${head}\r\nconnection: close\r\n\r\n${body}`, () => socket.destroy());
  });

  return {
    take(socket) {
      const line = new Line(socket);
      (socket as Known)[LINE] = line;
      lines.add(line);
      socket.once('close', () => lines.delete(line));
      socket.setKeepAlive(true, KEEP_ALIVE_MS);
      enter(line);
      server.emit('connection', socket);
      socket.resume();
    },
    close() {
      for (const line of lines) line.close();
    },
  };
}

function carry(session: Line, response: ServerResponse): Carrier {
  return {
    session,
    get destroyed() {
      return response.destroyed || response.writableFinished || session.destroyed;
    },
    get closed() {
      return response.closed;
    },
    on: (event, listener) => response.on(event, listener),
    once: (event, listener) => response.once(event, listener),
    close: () => session.destroy(),
  };
}
