import type { ServerHttp2Stream } from 'node:http2';

/** What one connection does with what is written to it. */
export interface Line {
  /**
   * The connection takes nothing at the moment: its flow control, which all its calls share, or its socket is full. If
   * not, what still waits in one of its calls waits for the reader of that call, as http2 sends all that it may.
   */
  readonly isFull: boolean;
  /** Bytes that have left for the kernel since the connection was opened. */
  readonly leftBytes: number;
}

const GONE: Line = Object.freeze({ isFull: false, leftBytes: 0 });

/** A private field of Node's; where it is not found, what waits in the socket counts as gone. */
interface InnerSocket {
  readonly bytesWritten: number;
  readonly _handle?: { readonly writeQueueSize?: number } | null;
}

/** The connection of a stream, as it is now. */
export function lookAtLine(stream: ServerHttp2Stream | undefined): Line {
  const session = stream?.session;
  if (!session || session.destroyed) return GONE;
  const { bytesWritten, _handle } = session.socket as unknown as InnerSocket;
  const waiting = _handle?.writeQueueSize ?? 0;
  return {
    // A getter, since it is asked for only when somebody may be late and not with every message.
    get isFull() {
      return waiting > 0 || (!session.destroyed && (session.state.remoteWindowSize ?? 1) <= 0);
    },
    leftBytes: bytesWritten - waiting,
  };
}

/**
 * Bytes that a call may have waited for, beside its own, since `before`. Streams of a connection have no turns of their
 * own in nghttp2: one that is read may go first for as long as it has something. So all that has left counts, and
 * nothing where the line is not full, or does not move.
 */
export function sharedBytes(before: Line, now: Line): number {
  return now.isFull ? Math.max(0, now.leftBytes - before.leftBytes) : 0;
}
