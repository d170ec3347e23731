import { type ClientHttp2Session, connect } from 'node:http2';
import { isIP, createConnection as openSocket, type Socket } from 'node:net';
import { connect as openTls } from 'node:tls';
import { readAddress, writeAddress } from '../../shared/address.ts';
import type { Clock, Random } from '../../shared/clock.ts';
import { invalid } from '../../shared/errors.ts';
import { WINDOW_BYTES } from '../../tunnel/frame.ts';
import { reconnectMs } from '../backoff.ts';
import type { Logger } from '../options.ts';
import { pause } from '../pause.ts';
import type { TlsOptions } from '../tls.ts';
import { describeTrouble } from '../trouble.ts';

const CONNECT_TIMEOUT_MS = 10_000;
/** A target is often on this machine, and its callers wait for it. */
const BACKOFF = Object.freeze({ baseMs: 50, capMs: 1_000 });
/** A connection that was lost sooner was none. */
const LASTING_MS = 1_000;
/** Of all calls together: each has a window of its own. */
const CONNECTION_WINDOW_BYTES = 16 * WINDOW_BYTES;
/** TCP asks whether the other machine is there. Pings of HTTP/2 would be too many for servers of gRPC when nothing is said. */
const TCP_KEEPALIVE_MS = 20_000;

/** The running server that is exposed, and the connection to it. */
export interface Target {
  readonly address: string;
  readonly scheme: 'http' | 'https';
  /** As its calls name it. */
  readonly authority: string;
  /** It answers. */
  readonly isThere: boolean;
  /** Why it does not. */
  readonly trouble: Error | undefined;
  /** A connection that takes calls: the one there is, or the one that is being made; rejects when there is none. */
  session(): Promise<ClientHttp2Session>;
  /** Connects until it is closed. */
  keep(): Promise<void>;
  close(): void;
}

export interface TargetOptions {
  /** HOST:PORT or `unix:PATH`. */
  readonly to: string;
  readonly tls: TlsOptions | undefined;
  readonly clock: Clock;
  readonly random: Random;
  readonly logger: Logger;
  /** It is there from now on, or away. */
  readonly onPresence: () => void;
}

/** @throws ContactError INVALID_ARGUMENT naming `to` */
export function createTarget({ to, tls, clock, random, logger, onPresence }: TargetOptions): Target {
  const read = readAddress(to);
  if (!read) throw invalid('to', `expected HOST:PORT or unix:PATH, got ${JSON.stringify(to)}`);
  const place = read;
  const address = writeAddress(place);
  const closing = new AbortController();
  // Bounded by the calls that run: a connection that takes no more is left when its last one is over.
  const sessions = new Set<ClientHttp2Session>();
  let current: ClientHttp2Session | undefined;
  /** The one that comes, while there is no reason to think that none does. */
  let next: PromiseWithResolvers<ClientHttp2Session> | undefined = expectSession();
  let trouble: Error | undefined;
  let isThere = false;
  /** That it is away is told once, be it so from the beginning. */
  let isTold = false;

  function dial(): Socket {
    const where = place.kind === 'file' ? { path: place.path } : { host: place.host, port: place.port };
    if (!tls) return openSocket(where);
    const { ca, cert, key, serverName } = tls;
    const name = serverName ?? (place.kind === 'port' && isIP(place.host) === 0 ? place.host : undefined);
    const secrets = { ...(ca && { ca }), ...(cert && { cert }), ...(key && { key }) };
    return openTls({ ...where, ...secrets, ALPNProtocols: ['h2'], ...(name !== undefined && { servername: name }) });
  }

  function openSession(): Promise<ClientHttp2Session> {
    return new Promise((resolve, reject) => {
      const socket = dial();
      socket.setKeepAlive(true, TCP_KEEPALIVE_MS);
      const session = connect('http://target', {
        createConnection: () => socket,
        settings: { enablePush: false, initialWindowSize: WINDOW_BYTES },
        // Which keys may be said twice is the business of who says them.
        strictSingleValueFields: false,
        strictFieldWhitespaceValidation: false,
      } as Parameters<typeof connect>[1]);
      const stopTimer = clock.after(CONNECT_TIMEOUT_MS, () => {
        fail(new Error(`it has not answered within ${CONNECT_TIMEOUT_MS} ms`));
      });
      function fail(error: Error): void {
        stopTimer();
        session.destroy();
        reject(error);
      }
      sessions.add(session);
      session.on('error', fail);
      session.once('close', () => {
        sessions.delete(session);
        fail(new Error(tls ? 'it has closed the connection' : 'it has closed the connection (does it speak TLS?)'));
      });
      session.once('remoteSettings', () => {
        stopTimer();
        session.setLocalWindowSize(CONNECTION_WINDOW_BYTES);
        resolve(session);
      });
    });
  }

  function note(error: Error | undefined): void {
    trouble = error;
    const wasThere = isThere;
    isThere = error === undefined;
    const what = wasThere ? 'away' : 'not there yet';
    const then = wasThere ? 'withdrawn' : 'announced once it is';
    if (error && !isTold) logger.warn(`the target ${address} is ${what}: ${error.message}; what it serves is ${then}`);
    if (isThere && !wasThere) logger.info(`the target ${address} is there`);
    isTold = !isThere;
    if (isThere !== wasThere) onPresence();
  }

  /** Calls go over this connection until it takes no more. */
  function use(session: ClientHttp2Session): Promise<void> {
    current = session;
    next?.resolve(session);
    next = undefined;
    note(undefined);
    return new Promise((resolve) => {
      function leave(): void {
        if (current !== session) return;
        current = undefined;
        next = expectSession();
        resolve();
      }
      session.once('goaway', leave);
      session.once('close', leave);
      if (session.closed || session.destroyed) leave();
    });
  }

  function fail(error: Error): void {
    next?.reject(error);
    next = undefined;
    if (!closing.signal.aborted) note(error);
  }

  async function keep(): Promise<void> {
    let failures = 0;
    while (!closing.signal.aborted) {
      try {
        const session = await openSession();
        const sinceMs = clock.monotonic();
        await use(session);
        failures = clock.monotonic() - sinceMs >= LASTING_MS ? 0 : failures + 1;
      } catch (error) {
        failures += 1;
        fail(new Error(describeTrouble(error as Error, tls !== undefined), { cause: error }));
      }
      if (failures > 0) await pause(clock, reconnectMs(failures, 'now', BACKOFF, random()), closing.signal);
    }
    fail(new Error('the worker has stopped'));
  }

  return {
    address,
    scheme: tls ? 'https' : 'http',
    authority: tls?.serverName ?? (place.kind === 'file' ? 'localhost' : address),
    get isThere() {
      return isThere;
    },
    get trouble() {
      return trouble;
    },
    session() {
      if (current) return Promise.resolve(current);
      return next ? next.promise : Promise.reject(trouble ?? new Error('there is no connection'));
    },
    keep,
    close() {
      closing.abort();
      for (const session of sessions) session.destroy();
    },
  };
}

/** Nobody need wait for it. */
function expectSession(): PromiseWithResolvers<ClientHttp2Session> {
  const expected = Promise.withResolvers<ClientHttp2Session>();
  expected.promise.catch(() => undefined);
  return expected;
}
