import type { GetServerInfoResponse } from '../../client/index.ts';
import type { ClientInfo, Queue } from '../../gen/contact/v1/admin_service_pb.ts';

/** What was found out about a server, before anybody judges it. */
export interface ServerFacts {
  readonly server: string;
  /** Why it could not be reached; undefined: it was. */
  readonly outOfReach?: string;
  /** Why TLS to it does not come about, with what to do; undefined: it does. */
  readonly fault?: string;
  /** Who has signed the last certificate that it sends, where that one's own is missing; undefined: none is. */
  readonly unsent?: string | undefined;
  /** Why it told nothing of what operators see; undefined: it did. */
  readonly refusal?: string;
  readonly info?: GetServerInfoResponse;
  /** Clocks of both ends, milliseconds since 1970: by how much the server's is ahead, give or take half a round trip. */
  readonly aheadMs?: number;
  readonly roundTripMs?: number;
  readonly queues: readonly Queue[];
  readonly clients: readonly ClientInfo[];
  readonly clientVersion: string;
  /** Milliseconds since 1970. */
  readonly now: number;
  /** The server is on this machine, as its address says. */
  readonly isLocal: boolean;
}

/** A file and who may read it. */
export interface FileFacts {
  readonly path: string;
  /** Permission bits; undefined: it is not there. */
  readonly mode?: number;
  /** It holds something that others must not have. */
  readonly isSecret: boolean;
}

/** What was found out about the file of a store. */
export interface StoreFacts {
  readonly path: string;
  /** Why it could not be looked at; undefined: it was. */
  readonly problem?: string;
  readonly bytes: number;
  readonly logBytes: number;
  readonly freeBytes: number;
  /** It and the files beside it. */
  readonly files: readonly FileFacts[];
  /** What SQLite says of it: `ok`, or what is damaged; undefined: it was not asked. */
  readonly integrity?: readonly string[];
}

/** A file of certificates in PEM. */
export interface CertificateFile {
  readonly path: string;
  readonly bytes: Buffer;
}

/** The files of certificates that this command was given for its connection. */
export interface CertificateFacts {
  /** Authorities to trust. */
  readonly ca?: CertificateFile | undefined;
  /** The client's own. */
  readonly cert?: CertificateFile | undefined;
  /** Milliseconds since 1970. */
  readonly now: number;
}

export interface Facts {
  readonly server?: ServerFacts;
  readonly store?: StoreFacts;
  /** Files of secrets that this command was given. */
  readonly files: readonly FileFacts[];
  readonly certificates?: CertificateFacts;
}
