/** What a writable half of a call offers, whichever side it is on. */
export interface WritableCall<T> {
  /** `onTaken`: the reader's flow control has let it go. */
  write(message: T, onTaken?: () => void): boolean;
  end(): void;
  readonly writableNeedDrain: boolean;
  readonly destroyed: boolean;
  /** Server side: the client or its connection has gone. */
  readonly cancelled?: boolean;
  on(event: string, listener: () => void): unknown;
  off(event: string, listener: () => void): unknown;
}

const END_EVENTS = ['cancelled', 'close', 'error', 'finish'] as const;

/**
 * Resolves true when the call can take more, false when it never will. grpc-js sends no `drain` after a cancel, so
 * the wait is raced with every event that ends a call.
 */
export function drained<T>(call: WritableCall<T>): Promise<boolean> {
  if (call.destroyed || call.cancelled) return Promise.resolve(false);
  if (!call.writableNeedDrain) return Promise.resolve(true);
  return new Promise((resolve) => {
    const settle = (alive: boolean): void => {
      call.off('drain', onDrain);
      for (const event of END_EVENTS) call.off(event, onEnd);
      resolve(alive);
    };
    const onDrain = (): void => settle(true);
    const onEnd = (): void => settle(false);
    call.on('drain', onDrain);
    for (const event of END_EVENTS) call.on(event, onEnd);
  });
}
