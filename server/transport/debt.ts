import type { InnerCall } from './internals.ts';
import { type Line, lookAtLine } from './line.ts';

/** What HTTP/2 lets a client send of one call before it is told to go on. */
export const WINDOW_BYTES = 65_535;
/**
 * What a piece of a message costs beside its bytes, about: its object, and what it keeps alive of what came with it.
 */
const PIECE_BYTES = 512;
/** Pieces that are smaller are put together. */
const SMALL_BYTES = 4 << 10;

/** What a call holds while its client owes something: the rest of a message, or taking its answer. */
export interface Debt {
  readonly kind: 'message' | 'answer' | 'end';
  /** Tells one debt from the next: another key is another debt. */
  readonly key: unknown;
  readonly heldBytes: number;
  /** The bytes that are held and those that are still to come. */
  readonly wholeBytes: number;
}

export interface OpenCall {
  readonly inner: InnerCall;
  readonly hasOneRequest: boolean;
  readonly hasOneAnswer: boolean;
  debt: Debt | undefined;
  /** The server has ended the call; its stream is about to go. */
  isEnding: boolean;
  /** When the debt began, and when it last became less. */
  since: number;
  movedAt: number;
  /** Its connection when the debt began. */
  lineBefore: Line | undefined;
}

export function noteDebt(call: OpenCall, now: number): void {
  joinPieces(call.inner.decoder.readPartialMessage);
  const debt = debtOf(call);
  const before = call.debt;
  call.debt = debt;
  if (!debt) return;
  const isNew = debt.key !== before?.key;
  if (isNew) {
    call.since = now;
    call.lineBefore = lookAtLine(call.inner.stream);
  }
  if (isNew || debt.heldBytes !== before?.heldBytes) call.movedAt = now;
  // A paused stream is not read at the moment: what is missing is not the fault of its client.
  if (debt.kind === 'message' && call.inner.stream.isPaused()) call.since = call.movedAt = now;
}

function debtOf({ inner, hasOneRequest, hasOneAnswer }: OpenCall): Debt | undefined {
  const { stream, decoder, receivedHalfClose } = inner;
  const { readState, readMessageSize, readMessageRemaining, readPartialMessage } = decoder;
  const unread = stream.writableLength;
  const received =
    readState === 0 ? 0 : readMessageSize - readMessageRemaining + readPartialMessage.length * PIECE_BYTES;
  // A call that has ended keeps what it had received until its stream is closed.
  const heldBytes = unread + received;
  if (stream.writableEnded) return { kind: 'end', key: 'end', heldBytes, wholeBytes: heldBytes };
  if (hasOneAnswer && unread > 0) return { kind: 'answer', key: 'answer', heldBytes, wholeBytes: heldBytes };
  if (readState !== 0)
    return { kind: 'message', key: readPartialMessage, heldBytes: received, wholeBytes: readMessageSize };
  if (hasOneRequest && !receivedHalfClose)
    return { kind: 'message', key: 'request', heldBytes: received, wholeBytes: readMessageSize };
  return undefined;
}

const NO_FLAG = Buffer.alloc(1);

/** Between two messages grpc-js needs nothing of the last one: without this each open stream keeps its megabytes. */
export function forgetMessage(decoder: InnerCall['decoder']): void {
  if (decoder.readState !== 0 || decoder.readCompressFlag === NO_FLAG) return;
  decoder.readPartialMessage = [];
  decoder.readCompressFlag = NO_FLAG;
}

/**
 * Copies small pieces of an unfinished message into larger ones, in place: a message that comes a byte at a time would
 * cost some hundred times its bytes, and each piece keeps alive all that was read from the socket with it.
 */
export function joinPieces(pieces: Buffer[]): void {
  if (pieces.length < 2) return;
  let count = 0;
  let from = 0;
  while (from < pieces.length) {
    let upTo = from;
    let bytes = 0;
    while (upTo < pieces.length && pieces[upTo]!.byteLength < SMALL_BYTES && bytes < WINDOW_BYTES) {
      bytes += pieces[upTo]!.byteLength;
      upTo += 1;
    }
    if (upTo - from < 2) {
      pieces[count] = pieces[from]!;
      from += 1;
    } else {
      pieces[count] = Buffer.concat(pieces.slice(from, upTo), bytes);
      from = upTo;
    }
    count += 1;
  }
  pieces.length = count;
}
