import type { TlsAuthority } from './tls/identity.ts';

/** Where a server is to be found. */
export interface Listening {
  /** The addresses as clients take them: HOST:PORT or unix:PATH, in the order of the option `listen`. */
  readonly addresses: readonly string[];
  /** Host and port of the first address that is a port; of a server that has none: empty and 0. */
  readonly host: string;
  readonly port: number;
  /** HOST:PORT of `/metrics`, `/livez` and `/readyz`; absent: they are not told. */
  readonly metrics?: string;
  /** The socket file of the operators, as unix:PATH; undefined: there is none. */
  readonly operatorSocket?: string | undefined;
  /** By what clients know the server's certificate; undefined: it speaks no TLS. */
  readonly tls?: TlsAuthority | undefined;
}
