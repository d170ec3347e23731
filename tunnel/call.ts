import { ContactError, codeNumber, tooLarge } from '../shared/errors.ts';
import { type Chunk, ChunkCheck, type ChunkFault } from './chunks.ts';
import { createFrame, type End, type Frame, type Open, type Pair, plainEnd } from './frame.ts';
import { firstPhase, nextPhase, type Part, type Phase, type Role } from './life.ts';
import { Outgoing, type Piece } from './outgoing.ts';
import { ReceiveWindow, SendWindow } from './window.ts';

/**
 * What one end of a call hears of it. Exactly one of `ended`, `failed`, `cancelled` and `lost` comes, as the last, unless
 * this end itself ends the call first: after its `cancel()`, or once its `end()` has gone out, nothing comes any more.
 */
export interface CallListener {
  headers(pairs: readonly Pair[]): void;
  /** Give its cost back with `taken` once the consumer has it. */
  chunk(chunk: Chunk): void;
  halfClosed(): void;
  /** The callee has ended the call, in its own words; at the server's end alone. */
  ended(end: End): void;
  /** The tunnel has ended the call for what the callee has said; at the server's end alone. */
  failed(error: ContactError): void;
  /** The server has cancelled the call, or a fault has ended it; at the callee's end alone. */
  cancelled(): void;
  /** The tunnel is gone. @param isOpened the other end may have heard of the call */
  lost(isOpened: boolean): void;
}

/** What a call asks of the tunnel that carries it. */
export interface CallCarrier {
  readonly role: Role;
  readonly sendWindowBytes: number;
  readonly receiveWindowBytes: number;
  readonly maxMessageBytes: number;
  /** The call has something to say. */
  wake(call: TunnelCall): void;
  /** The call is over: its number means nothing from now on. */
  forget(call: TunnelCall): void;
  /** The other end has said something that is against the protocol. */
  fault(): void;
  /** Why metadata of the other end is refused; undefined: it is not. */
  refuseMetadata(pairs: readonly Pair[], isTrailers: boolean): string | undefined;
}

/** One end of one call in a tunnel. */
export class TunnelCall {
  readonly id: number;
  /** This call is in the line of `Turns`. */
  isWaiting = false;
  readonly #carrier: CallCarrier;
  readonly #send: SendWindow;
  readonly #receive: ReceiveWindow;
  readonly #outgoing: Outgoing;
  readonly #chunks: ChunkCheck;
  #phase: Phase;
  /** The last frame of a call that is over, by which the other end is told; nothing else is sent any more. */
  #lastFrame: Frame | undefined;
  /** No listener yet: nothing has come either. */
  #listener: CallListener | undefined;

  constructor(id: number, carrier: CallCarrier, open?: Open) {
    this.id = id;
    this.#carrier = carrier;
    this.#send = new SendWindow(carrier.sendWindowBytes);
    this.#receive = new ReceiveWindow(carrier.receiveWindowBytes);
    this.#outgoing = new Outgoing(this.#send, open);
    this.#chunks = new ChunkCheck(carrier.maxMessageBytes);
    this.#phase = firstPhase(carrier.role);
  }

  listen(listener: CallListener): void {
    this.#listener = listener;
  }

  get isOver(): boolean {
    return this.#phase === 'over';
  }

  /** What this end may send, and the other may, in bytes. */
  get windows(): { readonly send: number; readonly receive: number } {
    return { send: this.#send.left, receive: this.#receive.left };
  }

  headers(pairs: readonly Pair[]): void {
    this.#say(() => this.#outgoing.headers(pairs));
  }

  /** Sends a message, or a part of it; the next one when this was taken. */
  send(piece: Piece): void {
    this.#say(() => this.#outgoing.add(piece));
  }

  halfClose(): void {
    this.#say(() => this.#outgoing.halfClose());
  }

  /** Sends the status behind what was sent before; the call is over once it has gone out. At the callee's end alone. */
  end(end: End): void {
    this.#say(() => this.#outgoing.end(end));
  }

  /** Ends the call at once, and drops what was not sent. At the server's end alone. */
  cancel(): void {
    if (this.isOver) return;
    const frame = createFrame(this.id);
    frame.cancel = true;
    this.#part(frame);
  }

  /** The consumer has taken what has cost so much. */
  taken(cost: number): void {
    if (this.isOver) return;
    this.#receive.take(cost);
    if (this.#receive.isDue) this.#carrier.wake(this);
  }

  /** The next frame of this call; undefined: it has nothing to say. */
  nextFrame(): { readonly frame: Frame; readonly taken: Piece | undefined } | undefined {
    if (this.#lastFrame) {
      const frame = this.#lastFrame;
      this.#lastFrame = undefined;
      return { frame, taken: undefined };
    }
    if (this.isOver) return undefined;
    const hasNext = this.#outgoing.hasNext;
    if (!hasNext && !this.#receive.isDue) return undefined;
    const frame = createFrame(this.id);
    const taken = hasNext ? this.#outgoing.fill(frame) : undefined;
    if (frame.end) this.#close();
    else frame.window = this.#receive.giveBack();
    return { frame, taken };
  }

  /** The call has something to say that its window allows. */
  get hasNext(): boolean {
    return !this.isOver && this.#outgoing.hasNext;
  }

  /** A frame of this call has come. Each part may end the call; those behind it are dropped. */
  receive(frame: Frame): void {
    const { headers, data, end } = frame;
    if (headers && this.#enter('headers') && this.#checkMetadata(headers, false)) this.#listener?.headers(headers);
    if (data && this.#enter('chunk')) this.#receiveChunk(data, frame);
    if (frame.halfClose && this.#enter('half_close')) {
      if (this.#chunks.isInside) this.#fault('half_close within a message');
      else this.#listener?.halfClosed();
    }
    if (end && !this.isOver) this.#receiveEnd(end);
    if (frame.window > 0 && !this.isOver) {
      if (!this.#send.give(frame.window, this.#carrier.sendWindowBytes)) this.#fault('more given back than was taken');
      else if (this.#outgoing.hasNext) this.#carrier.wake(this);
    }
    if (frame.cancel && this.#enter('cancel')) {
      this.#close();
      this.#listener?.cancelled();
    }
  }

  /** The tunnel is gone. */
  lose(): void {
    if (this.isOver) return;
    this.#close();
    this.#listener?.lost(!this.#outgoing.isUnopened);
  }

  #receiveChunk(data: Buffer, frame: Frame): void {
    const chunk = this.#chunks.take(data, frame);
    if (isFault(chunk)) {
      if (chunk === 'malformed') this.#fault('a chunk that does not belong to its message');
      else
        this.#break(tooLarge(`a message of ${frame.size} bytes, at most ${this.#carrier.maxMessageBytes} are taken`));
      return;
    }
    if (!this.#receive.spend(chunk.cost)) this.#fault('more was sent than the window has');
    else this.#listener?.chunk(chunk);
  }

  #receiveEnd(end: End): void {
    if (nextPhase(this.#phase, 'end') === undefined) {
      this.#fault('an end from the wrong side');
    } else if (end.code > 16) {
      this.#fault(`${end.code} is no code of gRPC`);
    } else if (end.code === 0 && this.#chunks.isInside) {
      this.#fault('an end within a message');
    } else if (this.#checkMetadata(end.trailers, true)) {
      this.#close();
      this.#listener?.ended(end);
    }
  }

  /** Goes on to the next phase. False: it does not, and if the part is a fault the call is over. */
  #enter(part: Part): boolean {
    if (this.isOver) return false;
    const next = nextPhase(this.#phase, part);
    if (next === undefined) this.#fault(`${part} is not expected here`);
    else if (next !== 'over') this.#phase = next;
    return next !== undefined;
  }

  #checkMetadata(pairs: readonly Pair[], isTrailers: boolean): boolean {
    const problem = this.#carrier.refuseMetadata(pairs, isTrailers);
    if (problem !== undefined) this.#fault(problem);
    return problem === undefined;
  }

  #fault(problem: string): void {
    this.#break(new ContactError('INTERNAL', `the other end of the tunnel broke its protocol: ${problem}`));
    this.#carrier.fault();
  }

  /** Ends the call for both sides, without what waits to be sent. */
  #break(error: ContactError): void {
    if (this.#carrier.role === 'server') {
      this.cancel();
      this.#listener?.failed(error);
      return;
    }
    const frame = createFrame(this.id);
    frame.end = plainEnd(codeNumber(error.code), error.message);
    this.#part(frame);
    this.#listener?.cancelled();
  }

  /** The call is over, with one more word to the other end, if that knows of it. */
  #part(frame: Frame): void {
    this.#close();
    if (this.#outgoing.isUnopened) return;
    this.#lastFrame = frame;
    this.#carrier.wake(this);
  }

  #say(say: () => void): void {
    if (this.isOver) return;
    say();
    this.#carrier.wake(this);
  }

  #close(): void {
    this.#phase = 'over';
    this.#carrier.forget(this);
  }
}

function isFault(chunk: Chunk | ChunkFault): chunk is ChunkFault {
  return typeof chunk === 'string';
}
