import type { TlsOptions } from '../client/index.ts';
import { readCertificates } from '../shared/certificates.ts';
import { readPlainFile } from '../shared/plainfile.ts';
import { usageError } from './exit.ts';

/** What the flags of a connection say of TLS: paths of PEM files. */
export interface TlsFlags {
  readonly tls?: boolean | undefined;
  readonly ca?: string | undefined;
  readonly cert?: string | undefined;
  readonly key?: string | undefined;
  readonly serverName?: string | undefined;
  readonly pin?: string | undefined;
}

/** Undefined: plaintext. Files are read here, so that a wrong path is a usage error. @param flag `--tls`, or what it is called */
export function readTls({ tls, ca, pin, cert, key, serverName }: TlsFlags, flag: string): TlsOptions | undefined {
  if ((cert === undefined) !== (key === undefined)) throw usageError(`${flag}-cert and ${flag}-key go together`);
  if (ca !== undefined && pin !== undefined) throw usageError(`${flag}-ca or ${flag}-pin, not both`);
  if (![ca, pin, cert, serverName].some((one) => one !== undefined) && tls !== true) return undefined;
  return {
    ...(ca !== undefined && { ca: readCertificateFile(`${flag}-ca`, ca) }),
    ...(pin !== undefined && { pin }),
    ...(cert !== undefined && { cert: readCertificateFile(`${flag}-cert`, cert) }),
    ...(key !== undefined && { key: readFile(`${flag}-key`, key) }),
    ...(serverName !== undefined && { serverName }),
  };
}

function readCertificateFile(flag: string, path: string): Buffer {
  const bytes = readFile(flag, path);
  const { fault } = readCertificates(bytes);
  if (fault !== undefined) throw usageError(`${flag}: ${path} ${fault}`);
  return bytes;
}

/** A file that a flag names; a usage error where it cannot be read. @param maxBytes 1 MiB unless it is said */
export function readFile(flag: string, path: string, maxBytes?: number): Buffer {
  try {
    return readPlainFile(path, maxBytes).bytes;
  } catch (error) {
    throw usageError(`${flag}: ${(error as Error).message}`);
  }
}
