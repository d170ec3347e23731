import type { DescService } from '@bufbuild/protobuf';
import type { GrpcClient } from '../shared/grpc.ts';
import type { CallEnd } from './closing.ts';

/** One try to reach the server: a channel that connects once. Whoever sees it fail says so, and gets a new one. */
export interface Link {
  /** What was sent over it at first; undefined: nothing. */
  readonly token: string | undefined;
  client<S extends DescService>(service: S): GrpcClient<S>;
  /** The connection stands, or did: what was called over it may have got there. */
  readonly hasConnected: boolean;
  /** The connection stands. */
  readonly isConnected: boolean;
  /** Resolves once the connection stands; never, if it does not come about. */
  readonly connected: Promise<void>;
  /** The server is there. Says nothing of what is to be sent, so the backoff goes on until this link has lasted. */
  answered(): void;
  /** Something got through: the backoff starts over. */
  worked(): void;
  /** This link is of no more use; answers how many milliseconds the next one waits. */
  failed(end: CallEnd): number;
}
