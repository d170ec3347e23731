import type { ContactError } from '../../shared/errors.ts';
import { toStatus } from '../../shared/status.ts';
import type { Chunk } from '../../tunnel/chunks.ts';
import { type End, type Pair, plainEnd } from '../../tunnel/frame.ts';
import { STARTED_KEY } from '../../tunnel/metadata.ts';
import type { Piece } from '../../tunnel/outgoing.ts';
import type { Caller as Principal } from '../model/caller.ts';

/** A call that runs, or waits for a callee: what its caller says. */
export interface LiveCall {
  piece(piece: Piece): void;
  halfClosed(): void;
  /** The caller has cancelled, or its connection is gone. */
  gone(): void;
  /** The caller has said what it may not, or the server has to end the call. */
  fail(error: ContactError): void;
}

/** The caller's end of a call, which is no business of the callee. */
export interface Caller {
  /** `pkg.Service/Method` */
  readonly method: string;
  readonly metadata: readonly Pair[];
  /** 0: none. */
  readonly timeoutMs: number;
  /** How its messages may be compressed; `identity`: they are not. */
  readonly encoding: string;
  readonly peer: string;
  /** Who it is, and what it may do. */
  readonly who: Principal;
  /**
   * There is somebody who answers: it is read from now on. @param isKept what is read is put together, and held until it is
   * stored: then only the budget of all calls holds it back
   */
  read(isKept?: boolean): void;
  headers(pairs: readonly Pair[]): void;
  /** `onTaken`: its connection has it. */
  chunk(chunk: Chunk, onTaken: () => void): void;
  /** Counts bytes that are kept for the call beside its messages, until they are given back. */
  hold(bytes: number): void;
  giveBack(bytes: number): void;
  /** Sends the status; nothing more is sent after it. */
  end(end: End): void;
}

/** Says of a call that nobody has begun to answer it, so that it may be made again. */
export const NOT_STARTED: readonly Pair[] = [{ key: STARTED_KEY, value: 'no' }];
/** Says of a call whose callee was lost that nobody knows whether it had begun. */
export const MAYBE_STARTED: readonly Pair[] = [{ key: STARTED_KEY, value: 'maybe' }];

/** An end in the server's own words, with the mark that tells them from the callee's. */
export function writeEnd(error: unknown, extra: readonly Pair[] = []): End {
  const { code, details, metadata } = toStatus(error);
  const pairs = Object.entries(metadata.getMap()).map(([key, value]) => ({ key, value: value as string }));
  return plainEnd(code, details, [...pairs, ...extra]);
}
