import { isIP } from 'node:net';
import type { TLSSocket } from 'node:tls';
import * as grpc from '@grpc/grpc-js';
import { ContactError } from '../shared/errors.ts';
import { findPinFault } from './pin.ts';
import type { TlsOptions } from './tls.ts';

/**
 * What grpc-js makes of its credentials when it connects. It asks every server for its certificate by the name that it
 * is reached by, addresses too, which RFC 6066 does not allow: Node.js warns of that (DEP0123), and some servers hang
 * up. Where these parts are not found nothing is changed, and a test fails.
 */
interface Connectable {
  _createSecureConnector?(...args: unknown[]): Connector;
}

interface Connector {
  readonly connectionOptions?: { servername?: string };
  connect(socket: unknown): Promise<{ readonly socket: TLSSocket }>;
}

/** Plaintext, or TLS with the certificates that were given. */
export function createCredentials(tls: TlsOptions | undefined): grpc.ChannelCredentials {
  if (!tls) return grpc.credentials.createInsecure();
  const { pin } = tls;
  // By a pin the server is looked at here, once it has shown its certificate: no list of authorities has it.
  const verification = pin === undefined ? {} : { rejectUnauthorized: false };
  const credentials = grpc.credentials.createSsl(tls.ca ?? null, tls.key ?? null, tls.cert ?? null, verification);
  const connectable = credentials as unknown as Connectable;
  const createConnector = connectable._createSecureConnector?.bind(connectable);
  if (!createConnector) {
    if (pin === undefined) return credentials;
    throw new ContactError('INTERNAL', 'this version of grpc-js connects in an unknown way, so no pin can be checked');
  }
  connectable._createSecureConnector = (...args) => {
    const connector = createConnector(...args);
    const { connectionOptions } = connector;
    if (pin !== undefined) checkPin(connector, pin, connectionOptions?.servername ?? '');
    // The certificate is checked against the address all the same.
    if (connectionOptions && isIP(connectionOptions.servername ?? '') > 0) delete connectionOptions.servername;
    return connector;
  };
  return credentials;
}

/** HTTP/2 begins once the connector has answered: a server that is not the pinned one has been sent nothing by then. */
function checkPin(connector: Connector, pin: string, host: string): void {
  const connect = connector.connect.bind(connector);
  connector.connect = async (raw) => {
    const connected = await connect(raw);
    const fault = findPinFault(connected.socket, pin, host, Date.now());
    if (fault === undefined) return connected;
    connected.socket.destroy();
    throw new Error(fault);
  };
}

/** How the options of a channel say that the server has another name than that it is reached by. */
export function nameServer(tls: TlsOptions | undefined): grpc.ChannelOptions {
  if (tls?.serverName === undefined) return {};
  return { 'grpc.ssl_target_name_override': tls.serverName, 'grpc.default_authority': tls.serverName };
}
