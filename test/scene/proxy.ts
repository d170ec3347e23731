import { once } from 'node:events';
import { type AddressInfo, connect, createServer, type Socket } from 'node:net';
import { atEnd } from './end.ts';
import { createPipe, createWeather, type Pipe, type Weather } from './pipe.ts';

/** Which way the bytes go. */
export type Direction = 'toServer' | 'toClient';

/** A TCP line whose faults are under control; all of them concern open connections and later ones alike. */
export interface FaultProxy {
  /** HOST:PORT for clients. */
  readonly address: string;
  /** Open connections. */
  readonly size: number;
  /** Connections accepted so far. */
  readonly accepted: number;
  /** Bytes read from the sender of that direction, over all connections. */
  countBytes(direction: Direction): number;
  /** Destroys every connection; both ends see a reset. New ones go through. */
  cut(): void;
  /** Stops reading from the sender: its buffers fill, as with a stuck reader. `release` goes on where it stopped. */
  stall(direction: Direction): void;
  /** Ends `stall`. */
  release(direction: Direction): void;
  /**
   * Reads and throws away, and tells nobody of an end: a black hole. The stream is torn, so `cut` is all that can
   * follow.
   */
  swallow(direction: Direction): void;
  /** Each byte takes that long. Default of a line: 0. */
  delay(direction: Direction, ms: number): void;
  /** At most so many bytes a millisecond; 0: no limit. */
  throttle(direction: Direction, bytesPerMs: number): void;
  /** Says on every connection that this direction has ended; the other goes on. */
  halfClose(direction: Direction): void;
  /** New connections are reset until `accept`. */
  refuse(): void;
  /** Ends `refuse`, and brings good weather for what is opened from now on. */
  accept(): void;
  /** Resolves when the server has closed every connection there is now. A stalled direction does not see it. */
  serverClosed(): Promise<void>;
  /** To another server from now on; open connections stay. */
  retarget(address: string): void;
  close(): Promise<void>;
}

interface Connection {
  readonly client: Socket;
  readonly server: Socket;
  readonly pipes: Readonly<Record<Direction, Pipe>>;
  readonly serverClosed: Promise<unknown>;
}

/**
 * Resets a socket. One that is still saying its end, since its peer does not read, is closed in place of it: the system
 * refuses the reset then (EINVAL), and Node forgets the handle and leaves it open.
 */
function reset(socket: Socket): void {
  if (socket.writableEnded && !socket.writableFinished) socket.destroy();
  else socket.resetAndDestroy();
}

/** A proxy in front of `target` (HOST:PORT). */
export async function createProxy(target: string): Promise<FaultProxy> {
  let weather: Record<Direction, Weather> = { toServer: createWeather(), toClient: createWeather() };
  const connections = new Set<Connection>();
  const bytes = { toServer: 0, toClient: 0 };
  let isRefusing = false;
  let accepted = 0;

  const listener = createServer({ allowHalfOpen: true, noDelay: true }, (client) => {
    client.on('error', () => undefined);
    if (isRefusing) {
      reset(client);
      return;
    }
    accepted += 1;
    const at = target.lastIndexOf(':');
    const server = connect({
      host: target.slice(0, at),
      port: Number(target.slice(at + 1)),
      allowHalfOpen: true,
      noDelay: true,
    });
    server.on('error', () => undefined);
    const connection: Connection = {
      client,
      server,
      pipes: {
        toServer: createPipe(client, server, weather.toServer),
        toClient: createPipe(server, client, weather.toClient),
      },
      serverClosed: new Promise((resolve) => {
        server.once('end', resolve);
        server.once('close', resolve);
      }),
    };
    connections.add(connection);
    client.on('close', (hadError) => forget(connection, weather.toServer, hadError, server));
    server.on('close', (hadError) => forget(connection, weather.toClient, hadError, client));
  });

  /** One side has gone. In a black hole the other does not hear of it. */
  function forget(connection: Connection, current: Weather, hadError: boolean, other: Socket): void {
    if (!current.isSwallowed) {
      if (hadError) reset(other);
      else other.end();
    }
    if (!connection.client.destroyed || !connection.server.destroyed) return;
    if (!connections.delete(connection)) return;
    for (const direction of ['toServer', 'toClient'] as const) {
      connection.pipes[direction].close();
      bytes[direction] += connection.pipes[direction].bytesRead;
    }
  }

  function change(direction: Direction, part: Partial<Weather>): void {
    Object.assign(weather[direction], part);
    for (const { pipes } of connections) pipes[direction].look();
  }

  function cut(): void {
    for (const { client, server } of connections) {
      reset(client);
      reset(server);
    }
  }

  listener.listen(0, '127.0.0.1');
  await once(listener, 'listening');
  const { port } = listener.address() as AddressInfo;

  return {
    address: `127.0.0.1:${port}`,
    get size() {
      return connections.size;
    },
    get accepted() {
      return accepted;
    },
    countBytes(direction) {
      let count = bytes[direction];
      for (const { pipes } of connections) count += pipes[direction].bytesRead;
      return count;
    },
    cut,
    stall: (direction) => change(direction, { isStalled: true }),
    release: (direction) => change(direction, { isStalled: false }),
    swallow: (direction) => change(direction, { isSwallowed: true, isStalled: false }),
    delay: (direction, delayMs) => change(direction, { delayMs }),
    throttle: (direction, bytesPerMs) => change(direction, { bytesPerMs }),
    halfClose(direction) {
      for (const { pipes } of connections) pipes[direction].end();
    },
    refuse() {
      isRefusing = true;
    },
    accept() {
      isRefusing = false;
      weather = { toServer: createWeather(), toClient: createWeather() };
    },
    async serverClosed() {
      await Promise.all([...connections].map((connection) => connection.serverClosed));
    },
    retarget(address) {
      target = address;
    },
    async close() {
      const closed = once(listener, 'close');
      listener.close();
      cut();
      await closed;
    },
  };
}

/** A proxy in front of a scene, closed after the test. */
export async function startProxy({ address }: { readonly address: string }): Promise<FaultProxy> {
  const proxy = await createProxy(address);
  atEnd(() => proxy.close());
  return proxy;
}
