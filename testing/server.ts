import { type ContactServer, createServer, type Logger, type ServerOptions } from '../server/index.ts';
import type { Clock } from '../shared/clock.ts';

/** Every option of a server, and what a test may replace of it. */
export interface TestServerOptions extends Partial<ServerOptions> {
  /** The time that the server goes by: delays, expiry, backoff, timeouts. Default: that of the system. */
  readonly clock?: Clock;
  /** Default: nothing is logged. */
  readonly logger?: Logger;
}

/** A server in the process of a test. */
export interface TestServer extends AsyncDisposable {
  /** HOST:PORT, for the option `server` of whatever the SDK makes. */
  readonly address: string;
  /** The server itself, as `createServer()` of `contactd/server` makes it. */
  readonly server: ContactServer;
  /** Ends every connection at once; close workers and producers first. */
  close(): Promise<void>;
}

const DAY_MS = 24 * 60 * 60 * 1_000;
/**
 * For a clock of the test's own: pings answered in real time would all be late on a clock that goes an hour in one step,
 * and each session would end. A line that breaks is seen by its socket as ever.
 */
const PATIENT: Partial<ServerOptions> = Object.freeze({ pingIntervalMs: 7 * DAY_MS });

/**
 * A real server, with its tasks in memory and a port of its own on 127.0.0.1.
 * @throws ContactError INVALID_ARGUMENT naming the option that is wrong
 * @example
 * await using server = await startTestServer();
 * await using producer = createProducer({ server: server.address });
 */
export async function startTestServer({ clock, logger, ...options }: TestServerOptions = {}): Promise<TestServer> {
  const patience = clock ? PATIENT : {};
  const server = await createServer(
    { listen: '127.0.0.1:0', store: 'memory:', ...patience, ...options },
    { ...(clock && { clock }), ...(logger && { logger }) },
  );
  const close = (): Promise<void> => server.close({ deadlineMs: 0 });
  try {
    const { host, port, addresses } = await server.listen();
    const address = port === 0 ? addresses[0]! : `${host}:${port}`;
    return { address, server, close, [Symbol.asyncDispose]: close };
  } catch (error) {
    await close();
    throw error;
  }
}
