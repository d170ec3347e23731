import { Metadata } from '@grpc/grpc-js';
import type { Clock } from '../../shared/clock.ts';
import { ContactError } from '../../shared/errors.ts';
import type { TunnelCall } from '../../tunnel/call.ts';
import type { End, Open } from '../../tunnel/frame.ts';
import type { RunningCall } from '../serve/run.ts';
import { endOf } from '../serve/status.ts';
import { callTarget } from './call.ts';
import type { Target } from './target.ts';

/** Bytes of answers that were read and are not in the tunnel, above which no more is read; and what each part costs. */
const MAX_WAITING_BYTES = 65_536;
const PART_BYTES = 64;

export interface ForwardOptions {
  readonly target: Target;
  readonly clock: Clock;
  readonly maxMessageBytes: number;
  readonly onOver: () => void;
}

/** Passes a live call on to a target, and its answers back. */
export function forwardCall(call: TunnelCall, open: Open, options: ForwardOptions): RunningCall {
  const { target, clock, maxMessageBytes, onOver } = options;
  let isOver = false;
  let waitingBytes = 0;
  /** Goes when the answers before it have gone. */
  let last: End | undefined;
  const { timeoutMs } = open;
  const stopTimer =
    timeoutMs > 0
      ? clock.after(timeoutMs, () => abort(new ContactError('DEADLINE_EXCEEDED', 'the deadline has passed')))
      : () => undefined;

  function stop(): void {
    isOver = true;
    stopTimer();
    there.cancel();
    onOver();
  }

  function abort(reason: ContactError): void {
    if (isOver) return;
    call.end(endOf(new Metadata(), reason));
    stop();
  }

  function endWhenTaken(): void {
    if (isOver || !last || waitingBytes > 0) return;
    call.end(last);
    stop();
  }

  const there = callTarget(target, open, maxMessageBytes, {
    headers: (pairs) => call.headers(pairs),
    part(part) {
      const cost = part.bytes.byteLength + PART_BYTES;
      waitingBytes += cost;
      if (waitingBytes >= MAX_WAITING_BYTES) there.pause();
      call.send({
        ...part,
        onTaken() {
          waitingBytes -= cost;
          if (waitingBytes < MAX_WAITING_BYTES / 2) there.resume();
          endWhenTaken();
        },
      });
    },
    ended(end) {
      last = end;
      endWhenTaken();
    },
  });

  const gone = (): void => {
    if (!isOver) stop();
  };
  call.listen({
    headers: () => undefined,
    ended: () => undefined,
    failed: () => undefined,
    chunk: (chunk) => there.chunk(chunk, () => call.taken(chunk.cost)),
    halfClosed: () => there.halfClose(),
    cancelled: gone,
    lost: gone,
  });

  return { abort };
}
