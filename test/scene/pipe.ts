import type { Socket } from 'node:net';

/** Read and not yet written; beyond it nothing more is read. */
const MAX_QUEUED_BYTES = 1 << 20;

/** How the bytes of one direction fare; shared by the pipes of a proxy, changed at any time. */
export interface Weather {
  /** Nothing is read: the sender's buffers fill, as with a reader that is stuck. */
  isStalled: boolean;
  /** Everything is read and thrown away, the ends of connections too, as behind a router that forgot the way. */
  isSwallowed: boolean;
  /** Milliseconds that each byte takes. */
  delayMs: number;
  /** Bytes in a millisecond; 0: no limit. */
  bytesPerMs: number;
}

export function createWeather(): Weather {
  return { isStalled: false, isSwallowed: false, delayMs: 0, bytesPerMs: 0 };
}

/** One direction of one connection. */
export interface Pipe {
  /** The weather has changed. */
  look(): void;
  /** Tells `sink` that no more will come; the other direction goes on. */
  end(): void;
  close(): void;
  readonly bytesRead: number;
}

interface Parcel {
  readonly dueAt: number;
  /** Null: the source has ended. */
  readonly bytes: Buffer | null;
}

/** Moves bytes from one socket to the other as the weather allows, in order. */
export function createPipe(source: Socket, sink: Socket, weather: Weather): Pipe {
  const queue: Parcel[] = [];
  let queuedBytes = 0;
  let lastDueAt = 0;
  let isSinkFull = false;
  let bytesRead = 0;
  let timer: NodeJS.Timeout | undefined;

  function take(bytes: Buffer | null): void {
    bytesRead += bytes?.byteLength ?? 0;
    if (weather.isSwallowed) return;
    const now = performance.now();
    const { delayMs, bytesPerMs } = weather;
    // Parcels of 5 ms, so that a throttled line is slow and not jerky.
    const size = bytesPerMs === 0 ? MAX_QUEUED_BYTES : Math.max(1, Math.floor(5 * bytesPerMs));
    for (let from = 0; from < (bytes?.byteLength ?? 1); from += size) {
      const part = bytes?.subarray(from, from + size) ?? null;
      const wireMs = bytesPerMs === 0 ? 0 : (part?.byteLength ?? 0) / bytesPerMs;
      lastDueAt = Math.max(now + delayMs, lastDueAt) + wireMs;
      queue.push({ dueAt: lastDueAt, bytes: part });
      queuedBytes += part?.byteLength ?? 0;
    }
    pump();
  }

  function pump(): void {
    clearTimeout(timer);
    while (queue.length > 0 && !isSinkFull) {
      const waitMs = queue[0]!.dueAt - performance.now();
      if (waitMs > 0.5) {
        timer = setTimeout(pump, waitMs);
        break;
      }
      const { bytes } = queue.shift()!;
      queuedBytes -= bytes?.byteLength ?? 0;
      if (bytes === null) sink.end();
      else if (sink.writable && !sink.write(bytes)) isSinkFull = true;
    }
    look();
  }

  function look(): void {
    if (weather.isSwallowed) {
      clearTimeout(timer);
      queue.length = 0;
      queuedBytes = 0;
    }
    const isBusy = weather.isStalled || queuedBytes > MAX_QUEUED_BYTES || (isSinkFull && !weather.isSwallowed);
    if (isBusy) source.pause();
    else source.resume();
  }

  source.on('data', take);
  source.on('end', () => take(null));
  sink.on('drain', () => {
    isSinkFull = false;
    pump();
  });
  look();

  return {
    look,
    end: () => sink.end(),
    close: () => clearTimeout(timer),
    get bytesRead() {
      return bytesRead;
    },
  };
}
