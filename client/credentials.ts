import { isIP } from 'node:net';
import * as grpc from '@grpc/grpc-js';
import type { TlsOptions } from './options.ts';

/**
 * What grpc-js makes of its credentials when it connects. It asks every server for its certificate by the name that it
 * is reached by, addresses too, which RFC 6066 does not allow: Node.js warns of that (DEP0123), and some servers hang
 * up. Where these parts are not found nothing is changed, and a test fails.
 */
interface Connectable {
  _createSecureConnector?(...args: unknown[]): { readonly connectionOptions?: { servername?: string } };
}

/** Plaintext, or TLS with the certificates that were given. */
export function createCredentials(tls: TlsOptions | undefined): grpc.ChannelCredentials {
  if (!tls) return grpc.credentials.createInsecure();
  const credentials = grpc.credentials.createSsl(tls.ca ?? null, tls.key ?? null, tls.cert ?? null);
  const connectable = credentials as unknown as Connectable;
  const createConnector = connectable._createSecureConnector?.bind(connectable);
  if (!createConnector) return credentials;
  connectable._createSecureConnector = (...args) => {
    const connector = createConnector(...args);
    const { connectionOptions } = connector;
    // The certificate is checked against the address all the same.
    if (connectionOptions && isIP(connectionOptions.servername ?? '') > 0) delete connectionOptions.servername;
    return connector;
  };
  return credentials;
}

/** How the options of a channel say that the server has another name than that it is reached by. */
export function nameServer(tls: TlsOptions | undefined): grpc.ChannelOptions {
  if (tls?.serverName === undefined) return {};
  return { 'grpc.ssl_target_name_override': tls.serverName, 'grpc.default_authority': tls.serverName };
}
