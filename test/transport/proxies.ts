import { connect as connectHttp2, createServer as createHttp2Server, type ServerHttp2Stream } from 'node:http2';
import { createConnection, createServer as createTcpServer, type Socket } from 'node:net';
import { use } from '../scene/end.ts';

// What may stand between an SDK and its server.

export interface Turnout {
  readonly address: string;
  /** Requests that the other server has answered. */
  readonly refusals: number;
  /** Ends every connection; new ones go to a server that answers each request like this, or, without, to the target. */
  turn(answer?: (stream: ServerHttp2Stream) => void): void;
  close(): Promise<void>;
}

/** An address that leads to `target`, or to a proxy that has nothing behind it. */
export async function openTurnout(target: string): Promise<Turnout> {
  const sockets = new Set<Socket>();
  let answer: ((stream: ServerHttp2Stream) => void) | undefined;
  let refusals = 0;
  const refuser = createHttp2Server();
  refuser.on('stream', (stream) => {
    stream.on('error', () => {});
    refusals += 1;
    answer?.(stream);
  });
  refuser.on('sessionError', () => {});
  const targetPort = Number(target.split(':')[1]);
  const door = createTcpServer((near) => {
    const far = createConnection(answer ? portOf(refuser) : targetPort, '127.0.0.1');
    tie(near, far, sockets);
    near.pipe(far).pipe(near);
  });
  for (const server of [refuser, door]) await new Promise<void>((done) => server.listen(0, '127.0.0.1', () => done()));

  const turnout: Turnout = {
    address: `127.0.0.1:${portOf(door)}`,
    get refusals() {
      return refusals;
    },
    turn(given) {
      answer = given;
      for (const socket of sockets) socket.destroy();
    },
    async close() {
      turnout.turn();
      for (const server of [door, refuser]) await new Promise((done) => server.close(done));
    },
  };
  return use(turnout);
}

export interface Gate {
  readonly address: string;
  readonly connectionCount: number;
  close(): Promise<void>;
}

/** A line to `target` that breaks when more than `maxBytes` have gone up over one connection. */
export async function openGate(target: string, maxBytes: number): Promise<Gate> {
  const sockets = new Set<Socket>();
  let connectionCount = 0;
  const door = createTcpServer((near) => {
    connectionCount += 1;
    const far = createConnection(Number(target.split(':')[1]), '127.0.0.1');
    tie(near, far, sockets);
    far.pipe(near);
    near.on('data', (chunk) => {
      if (near.bytesRead > maxBytes) near.destroy();
      else far.write(chunk);
    });
  });
  await new Promise<void>((done) => door.listen(0, '127.0.0.1', () => done()));
  return use({
    address: `127.0.0.1:${portOf(door)}`,
    get connectionCount() {
      return connectionCount;
    },
    async close() {
      for (const socket of sockets) socket.destroy();
      await new Promise((done) => door.close(done));
    },
  });
}

/** A proxy that allows so many streams over one connection. */
export async function openNarrowProxy(target: string, maxConcurrentStreams: number) {
  const upstream = connectHttp2(`http://${target}`);
  upstream.on('error', () => {});
  const sockets = new Set<Socket>();
  const proxy = createHttp2Server({ settings: { maxConcurrentStreams } });
  proxy.on('connection', (socket) => sockets.add(socket));
  proxy.on('sessionError', () => {});
  proxy.on('stream', (near, headers) => {
    const far = upstream.request(headers);
    for (const stream of [near, far]) stream.on('error', () => {});
    far.on('response', (answer) => {
      if (near.destroyed) return;
      near.respond(answer, { waitForTrailers: true });
      far.pipe(near);
    });
    far.on('trailers', (trailers) => near.on('wantTrailers', () => near.sendTrailers(trailers)));
    near.on('close', () => far.close(near.rstCode));
    near.pipe(far);
  });
  await new Promise<void>((done) => proxy.listen(0, '127.0.0.1', () => done()));
  return use({
    address: `127.0.0.1:${portOf(proxy)}`,
    async close() {
      upstream.destroy();
      for (const socket of sockets) socket.destroy();
      await new Promise((done) => proxy.close(done));
    },
  });
}

function portOf(server: { address(): unknown }): number {
  return (server.address() as { readonly port: number }).port;
}

export const respond = (status: number) => (stream: ServerHttp2Stream) =>
  stream.respond({ ':status': status }, { endStream: true });
export const trailersOnly = (code: number) => (stream: ServerHttp2Stream) =>
  stream.respond({ ':status': 200, 'content-type': 'application/grpc', 'grpc-status': code }, { endStream: true });
export const ENHANCE_YOUR_CALM = 11;
export const INADEQUATE_SECURITY = 12;

/** The two ends of one line: with the one goes the other. */
function tie(near: Socket, far: Socket, sockets: Set<Socket>): void {
  for (const socket of [near, far]) {
    sockets.add(socket);
    socket.on('error', () => {});
    socket.on('close', () => {
      near.destroy();
      far.destroy();
      sockets.delete(socket);
    });
  }
}
