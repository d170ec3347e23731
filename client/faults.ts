import { connect as connectPlain } from 'node:net';
import { connect } from 'node:tls';
import * as grpc from '@grpc/grpc-js';
import { ContactError, FAULT, REASON_KEY } from '../shared/errors.ts';
import type { ConnectorListener } from './credentials.ts';
import { TLS_NEEDED, type TlsFault } from './tlsfault.ts';

/** For the handshake that shows whether a server speaks TLS. */
const PROBE_MS = 2_000;

export interface FaultsOptions {
  readonly isEncrypted: boolean;
  /** All of them, which are tried one after the other. */
  readonly servers: readonly string[];
  /** Of this connection, or of one like it, the server has answered. */
  readonly hasWorked: () => boolean;
}

interface Place {
  readonly host: string;
  readonly port: number;
}

/** One try to connect, as its calls see it. */
export interface TriedLink {
  readonly server: string;
  /** The proxy on the way; null: none. */
  readonly proxy: string | null;
  readonly isReady: () => boolean;
  readonly hasConnected: () => boolean;
}

/**
 * What is wrong between both ends of a connection that is to be encrypted, or is not. grpc-js says UNAVAILABLE of all that keeps
 * it from connecting, with a text; here calls end with an error that has a reason, and with `retry: never` where it is useless
 * to come again. That it is before the first answer: what has worked is being changed at the other end, and works again.
 */
export interface Faults extends ConnectorListener {
  /** A channel begins to connect. */
  begin(): void;
  /** What the calls of a link go through. */
  intercept(link: TriedLink): grpc.Interceptor;
}

export function createFaults({ isEncrypted, servers, hasWorked }: FaultsOptions): Faults {
  let fault: TlsFault | undefined;
  let place: Place | undefined;
  // Bounded by the addresses of the server.
  const faulty = new Set<string>();

  async function explain(link: TriedLink, status: grpc.StatusObject): Promise<TlsFault | undefined> {
    if (fault) return fault;
    if (isEncrypted) return undefined;
    if (status.metadata.get(REASON_KEY)[0] === TLS_NEEDED.reason) return TLS_NEEDED;
    const isOpen = place && !link.hasConnected() && link.proxy === null && !hasWorked();
    return isOpen && (await speaksTls(place!)) ? TLS_NEEDED : undefined;
  }

  function errorOf({ server }: TriedLink, { reason, problem, advice, mayPass }: TlsFault): ContactError {
    const isLasting = !mayPass && !hasWorked() && faulty.size === servers.length;
    const what = `could not reach ${server}: it ${problem}${advice && ` (${advice})`}`;
    return new ContactError('UNAVAILABLE', what, { advice: { reason, retry: isLasting ? 'never' : 'backoff' } });
  }

  return {
    begin() {
      fault = undefined;
      place = undefined;
    },
    reached({ remoteAddress: host, remotePort: port }) {
      fault = undefined;
      place = host === undefined || port === undefined ? undefined : { host, port };
    },
    failed(found) {
      fault = found;
    },
    intercept(link) {
      const name = async (end: grpc.StatusObject): Promise<grpc.StatusObject> => {
        const found = await explain(link, end);
        if (!found) return end;
        faulty.add(link.server);
        const error = errorOf(link, found);
        return { ...end, details: error.message, ...{ [FAULT]: error } };
      };
      const listener = new grpc.ListenerBuilder()
        .withOnReceiveStatus((end, next) => {
          faulty.delete(link.server);
          if (end.code === grpc.status.UNAVAILABLE) void name(end).then(next);
          else next(end);
        })
        .build();
      return (options, nextCall) => {
        const call = nextCall(options);
        // Over a connection that stands, nothing is in the way of messages.
        if (link.isReady()) return call as grpc.InterceptingCall;
        return new grpc.InterceptingCall(call, { start: (metadata, _, next) => next(metadata, listener) });
      };
    },
  };
}

/** Whether a handshake comes about there; nothing is sent that is anybody's. */
function speaksTls({ host, port }: Place): Promise<boolean> {
  return new Promise((resolve) => {
    const raw = connectPlain({ host, port });
    const end = (isSpoken: boolean): void => {
      clearTimeout(timer);
      raw.destroy();
      resolve(isSpoken);
    };
    const timer = setTimeout(end, PROBE_MS, false);
    const socket = connect({ socket: raw, rejectUnauthorized: false, ALPNProtocols: ['h2'] }, () => end(true));
    for (const one of [socket, raw]) one.on('error', () => end(false)).on('close', () => end(false));
  });
}
