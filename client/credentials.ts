import { isIP, type Socket } from 'node:net';
import { type ConnectionOptions, connect, type TLSSocket } from 'node:tls';
import * as grpc from '@grpc/grpc-js';
import { ContactError } from '../shared/errors.ts';
import { findPinFault } from './pin.ts';
import type { TlsOptions } from './tls.ts';
import { faultOfHandshake, faultOfSilence, findFault, type TlsFault } from './tlsfault.ts';

/**
 * What grpc-js makes of its credentials when it connects. Of what goes wrong then it tells a text alone, and it asks every
 * server for its certificate by the name that it is reached by, addresses too, which RFC 6066 does not allow: Node.js warns of
 * that (DEP0123), and some servers hang up. Where these parts are not found nothing is changed, and a test fails.
 */
interface Connectable {
  _createSecureConnector?(...args: unknown[]): Connector;
}

interface Connector {
  readonly connectionOptions?: ConnectionOptions;
  connect(raw: Socket): Promise<{ readonly socket: Socket; readonly secure: boolean }>;
}

/** Told of each connection that is made. */
export interface ConnectorListener {
  /** Something listens there. */
  reached(raw: Socket): void;
  failed(fault: TlsFault): void;
}

/** Plaintext, or TLS with the certificates that were given. */
export function createCredentials(tls: TlsOptions | undefined, listener: ConnectorListener): grpc.ChannelCredentials {
  const credentials = tls
    ? grpc.credentials.createSsl(tls.ca ?? null, tls.key ?? null, tls.cert ?? null)
    : grpc.credentials.createInsecure();
  const connectable = credentials as unknown as Connectable;
  const createConnector = connectable._createSecureConnector?.bind(connectable);
  if (!createConnector) {
    if (tls?.pin === undefined) return credentials;
    throw unknownWay();
  }
  connectable._createSecureConnector = (...args) => {
    const connector = createConnector(...args);
    const { connectionOptions } = connector;
    if (tls?.pin !== undefined && !connectionOptions) throw unknownWay();
    const pass = connector.connect.bind(connector);
    connector.connect = (raw) => {
      listener.reached(raw);
      return tls && connectionOptions ? secure(raw, connectionOptions, tls, listener) : pass(raw);
    };
    return connector;
  };
  return credentials;
}

/**
 * Shakes hands, and looks at the server once it has shown its certificate, by which what is wrong can be told. HTTP/2 begins
 * once this has resolved: a server that is not the right one has been sent nothing by then.
 */
function secure(
  raw: Socket,
  options: ConnectionOptions,
  { pin, ca, cert }: TlsOptions,
  listener: ConnectorListener,
): Promise<{ readonly socket: TLSSocket; readonly secure: true }> {
  const { servername: host = '', ...rest } = options;
  // The certificate is checked against an address all the same.
  const wanted = isIP(host) > 0 ? rest : options;
  return new Promise((resolve, reject) => {
    const fail = (fault: TlsFault): void => {
      listener.failed(fault);
      reject(new Error(fault.problem));
    };
    const socket = connect({ ...wanted, socket: raw, rejectUnauthorized: false }, () => {
      const now = Date.now();
      const fault = pin === undefined ? findFault(socket, host, now, ca) : findPinFault(socket, pin, host, now);
      if (fault === undefined) {
        // Before who speaks HTTP/2 hears of it, so that calls end with what it was.
        socket.once('close', () => {
          if (socket.bytesRead === 0) listener.failed(faultOfSilence(cert, Date.now()));
        });
        resolve({ socket, secure: true });
        return;
      }
      socket.destroy();
      fail(fault);
    });
    // Also later: of its client's certificate a server says what it thinks once the handshake is over.
    socket.on('error', (error) => {
      const fault = faultOfHandshake(error);
      if (fault) fail(fault);
      else reject(error);
    });
  });
}

function unknownWay(): ContactError {
  return new ContactError('INTERNAL', 'this version of grpc-js connects in an unknown way, so no pin can be checked');
}

/** How the options of a channel say that the server has another name than that it is reached by. */
export function nameServer(tls: TlsOptions | undefined): grpc.ChannelOptions {
  if (tls?.serverName === undefined) return {};
  return { 'grpc.ssl_target_name_override': tls.serverName, 'grpc.default_authority': tls.serverName };
}
