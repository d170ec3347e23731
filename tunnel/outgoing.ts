import type { Buffer } from 'node:buffer';
import type { End, Frame, Open, Pair } from './frame.ts';
import type { SendWindow } from './window.ts';

/** A message, or a part of one, that is to be sent. */
export interface Piece {
  readonly bytes: Buffer;
  /** The bytes of the whole message, where this piece is its beginning; undefined: the message goes on. */
  readonly messageBytes: number | undefined;
  /** The piece ends the message. */
  readonly isLast: boolean;
  readonly isCompressed: boolean;
  /** Called once all of the piece is in the tunnel; never when the call ends first. */
  readonly onTaken: () => void;
}

/** What one end has to say of one call, in the order in which it may be said. */
export class Outgoing {
  readonly #window: SendWindow;
  #open: Open | undefined;
  #headers: readonly Pair[] | undefined;
  // Bounded by who sends: each waits until its pieces are taken.
  #pieces: Piece[] = [];
  /** Bytes of the first piece that are in the tunnel. */
  #offset = 0;
  #halfClose = false;
  #end: End | undefined;

  constructor(window: SendWindow, open?: Open) {
    this.#window = window;
    this.#open = open;
  }

  /** The other end has not heard of the call. */
  get isUnopened(): boolean {
    return this.#open !== undefined;
  }

  headers(pairs: readonly Pair[]): void {
    this.#headers = pairs;
  }

  add(piece: Piece): void {
    this.#pieces.push(piece);
  }

  halfClose(): void {
    this.#halfClose = true;
  }

  end(end: End): void {
    this.#end = end;
  }

  /** Whether `fill` would find something. */
  get hasNext(): boolean {
    if (this.#open || this.#headers) return true;
    const piece = this.#pieces[0];
    if (!piece) return this.#halfClose || this.#end !== undefined;
    return this.#window.fits(piece.bytes.byteLength - this.#offset, piece.isLast);
  }

  /** Puts what comes next into a frame, one chunk at most. Answers the piece that is in the tunnel with it as a whole. */
  fill(frame: Frame): Piece | undefined {
    frame.open = this.#open;
    frame.headers = this.#headers;
    this.#open = undefined;
    this.#headers = undefined;
    const taken = this.#fillChunk(frame);
    if (this.#pieces.length > 0) return taken;
    frame.halfClose = this.#halfClose;
    frame.end = this.#end;
    this.#halfClose = false;
    this.#end = undefined;
    return taken;
  }

  #fillChunk(frame: Frame): Piece | undefined {
    const piece = this.#pieces[0];
    if (!piece) return undefined;
    const { bytes, messageBytes, isLast, isCompressed } = piece;
    const count = this.#window.take(bytes.byteLength - this.#offset, isLast);
    if (count === undefined) return undefined;
    const isBegun = this.#offset > 0 || messageBytes === undefined;
    const isWhole = this.#offset + count === bytes.byteLength;
    frame.data = bytes.subarray(this.#offset, this.#offset + count);
    frame.more = !(isWhole && isLast);
    if (!isBegun) {
      frame.compressed = isCompressed;
      if (frame.more) frame.size = messageBytes;
    }
    this.#offset = isWhole ? 0 : this.#offset + count;
    if (!isWhole) return undefined;
    this.#pieces.shift();
    return piece;
  }
}
