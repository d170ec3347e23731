import { X509Certificate } from 'node:crypto';
import { isIP } from 'node:net';
import { connect, rootCertificates } from 'node:tls';
import type { TlsOptions } from '../../client/index.ts';
import { chainOf } from '../../client/tlsfault.ts';
import { readAddress } from '../../shared/address.ts';

/**
 * Who has signed the last certificate that a server sends, where that one's own is not sent and no well-known authority: who
 * does not trust it itself cannot connect. Undefined: nothing is missing, or it could not be looked at.
 */
export async function lookAtChain(server: string, tls: TlsOptions, timeoutMs: number): Promise<string | undefined> {
  const last = (await readChain(server, tls, timeoutMs)).at(-1);
  if (!last) return undefined;
  const isSignedBy = (one: X509Certificate): boolean => last.checkIssued(one) && last.verify(one.publicKey);
  if (last.subject === last.issuer || rootCertificates.some((root) => isSignedBy(new X509Certificate(root))))
    return undefined;
  return last.issuer.replaceAll('\n', ', ');
}

/** Shakes hands alone: nothing is sent, so it does not matter yet who is there. */
function readChain(
  server: string,
  { cert, key, serverName }: TlsOptions,
  timeoutMs: number,
): Promise<readonly X509Certificate[]> {
  const address = readAddress(server);
  if (address?.kind !== 'port') return Promise.resolve([]);
  const { host, port } = address;
  const servername = serverName ?? host;
  return new Promise((resolve) => {
    let chain: readonly X509Certificate[] = [];
    const end = (): void => {
      clearTimeout(timer);
      socket.destroy();
      resolve(chain);
    };
    const timer = setTimeout(end, timeoutMs);
    const socket = connect(
      {
        host,
        port,
        ...(isIP(servername) > 0 ? {} : { servername }),
        ...(cert && key ? { cert, key } : {}),
        rejectUnauthorized: false,
        ALPNProtocols: ['h2'],
      },
      () => {
        const own = socket.getPeerX509Certificate();
        if (own) chain = chainOf(own);
        // Ended and not destroyed: the server would take that for a handshake that failed, and tell it in its log.
        socket.end();
      },
    );
    socket.on('error', end);
    socket.on('close', end);
    socket.resume();
  });
}
