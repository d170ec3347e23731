import type { Buffer } from 'node:buffer';
import type { CallListener, TunnelCall } from '../../tunnel/call.ts';
import type { Chunk } from '../../tunnel/chunks.ts';
import { decodeServe } from '../../tunnel/decode.ts';
import { createFrame, type End, type Frame, MIN_WINDOW_BYTES, type Pair } from '../../tunnel/frame.ts';
import { createTunnel, type Tunnel } from '../../tunnel/tunnel.ts';

export const WINDOW = MIN_WINDOW_BYTES;

/** One end of a tunnel whose other end the test plays, frame by frame. */
export function createEnd(
  role: 'server' | 'callee',
  refuseMetadata: (pairs: readonly Pair[]) => string | undefined = () => undefined,
) {
  const said: Frame[] = [];
  const heard: (string | Chunk | End)[] = [];
  const takers: (() => void)[] = [];
  const batches: Buffer[] = [];
  const calls: TunnelCall[] = [];
  let run: (() => void) | undefined;
  let brokenCount = 0;
  const listener: CallListener = {
    headers: () => void heard.push('headers'),
    chunk: (chunk) => void heard.push(chunk),
    halfClosed: () => void heard.push('half-closed'),
    ended: (end) => void heard.push(end),
    failed: ({ code }) => void heard.push(`failed: ${code}`),
    cancelled: () => void heard.push('cancelled'),
    lost: (isOpened) => void heard.push(isOpened ? 'lost, maybe heard of' : 'lost, not heard of'),
  };
  const tunnel: Tunnel = createTunnel({
    role,
    sendWindowBytes: WINDOW,
    receiveWindowBytes: WINDOW,
    maxMessageBytes: 100_000,
    write(batch, onTaken) {
      batches.push(batch);
      said.push(...decodeServe(batch).frames);
      takers.push(onTaken);
    },
    schedule: (later) => {
      run = later;
    },
    onOpen(call) {
      calls.push(call);
      call.listen(listener);
    },
    onBroken: () => {
      brokenCount += 1;
    },
    refuseMetadata,
  });
  return {
    tunnel,
    said,
    heard,
    batches,
    takers,
    calls,
    get brokenCount() {
      return brokenCount;
    },
    turn() {
      const later = run;
      run = undefined;
      later?.();
    },
    hear: (frame: Partial<Frame>) => tunnel.receive([{ ...createFrame(1), ...frame }]),
    open() {
      const call = tunnel.open({ method: 'p.S/M', metadata: [], timeoutMs: 0 })!;
      call.listen(listener);
      return call;
    },
  };
}

export const piece = (bytes: Buffer, onTaken = (): void => undefined) => ({
  bytes,
  messageBytes: bytes.byteLength,
  isLast: true,
  isCompressed: false,
  onTaken,
});
