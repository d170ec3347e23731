import { Buffer } from 'node:buffer';
import { createGunzip, createInflate, gunzipSync, inflateSync } from 'node:zlib';
import { ContactError, tooLarge } from '../../shared/errors.ts';
import type { Piece } from '../../tunnel/outgoing.ts';

// Messages that come compressed for an end of a call that does not take them so. Each is put together, unpacked and sent
// on as it is: small ones at once, others beside the event loop.

/** Encodings of messages that the server unpacks, as `grpc-encoding` names them. */
const ENCODINGS = ['deflate', 'gzip'] as const;
export type Encoding = (typeof ENCODINGS)[number];

/** What callers are told that they may compress by. */
export const ACCEPTED_ENCODINGS = ['identity', ...ENCODINGS].join(',');

export function isEncoding(name: string): name is Encoding {
  return (ENCODINGS as readonly string[]).includes(name);
}

/** Compressed bytes of a message that is unpacked at once, and bytes that it may become there. */
const MAX_INLINE_BYTES = 4_096;
const MAX_INLINE_INFLATED_BYTES = 65_536;
/** Messages that are unpacked at a time beside the event loop: each has a state of some 100 KB until it is whole. */
const MAX_INFLATING = 16;
const CHUNK_BYTES = 65_536;

const INLINE = { gzip: gunzipSync, deflate: inflateSync };
const STREAMS = { gzip: createGunzip, deflate: createInflate };

/** Where unpacked messages go, and what is held for them meanwhile. */
export interface InflaterSink {
  /** The next piece of a message. Those of the next message come when `onTaken` was called for all of them. */
  piece(piece: Piece): void;
  /** All that was added has come out. */
  ended(): void;
  /** A message cannot be unpacked, or is too large then; nothing comes any more. */
  failed(error: ContactError): void;
  hold(bytes: number): void;
  giveBack(bytes: number): void;
}

/** Unpacks the messages of one direction of a call; those that are not compressed pass. */
export interface Inflater {
  add(piece: Piece): void;
  /** Nothing is added any more. */
  end(): void;
  /** The call is over: nothing comes out any more. */
  close(): void;
}

export type OpenInflater = (encoding: Encoding, sink: InflaterSink) => Inflater;

/** @param maxMessageBytes of a message once it is unpacked */
export function createInflating(maxMessageBytes: number): OpenInflater {
  // Bounded by the calls that are open, two each.
  const waiting: (() => void)[] = [];
  let running = 0;

  /** Runs it when few enough others do; it calls `done` once. */
  function inTurn(run: (done: () => void) => void): void {
    if (running >= MAX_INFLATING) {
      waiting.push(() => inTurn(run));
      return;
    }
    running += 1;
    run(() => {
      running -= 1;
      waiting.shift()?.();
    });
  }

  return (encoding, sink) => new MessageInflater(encoding, sink, maxMessageBytes, inTurn);
}

class MessageInflater implements Inflater {
  readonly #encoding: Encoding;
  readonly #sink: InflaterSink;
  readonly #maxMessageBytes: number;
  readonly #inTurn: (run: (done: () => void) => void) => void;
  // Bounded by who sends: none is taken while a message is unpacked or its pieces wait.
  #added: Piece[] = [];
  /** The parts that have come of a compressed message, which are held until it is whole. */
  #parts: Buffer[] = [];
  /** A message is unpacked, or handed on. */
  #isInflating = false;
  /** Pieces that came out and are not taken. */
  #untaken = 0;
  #isEnded = false;
  #isOver = false;

  constructor(
    encoding: Encoding,
    sink: InflaterSink,
    maxMessageBytes: number,
    inTurn: (run: (done: () => void) => void) => void,
  ) {
    this.#encoding = encoding;
    this.#sink = sink;
    this.#maxMessageBytes = maxMessageBytes;
    this.#inTurn = inTurn;
  }

  add(piece: Piece): void {
    this.#added.push(piece);
    this.#goOn();
  }

  end(): void {
    this.#isEnded = true;
    this.#goOn();
  }

  close(): void {
    this.#isOver = true;
    this.#added = [];
    this.#parts = [];
  }

  #goOn(): void {
    while (!this.#isOver && !this.#isInflating && this.#untaken === 0) {
      const piece = this.#added.shift();
      if (!piece) break;
      if (!piece.isCompressed) this.#sink.piece(piece);
      else this.#collect(piece);
    }
    if (this.#isOver || !this.#isEnded || this.#isInflating || this.#added.length > 0) return;
    this.#isOver = true;
    this.#sink.ended();
  }

  #collect({ bytes, isLast, onTaken }: Piece): void {
    this.#sink.hold(bytes.byteLength);
    // What it came in is larger, and would stay as long as it does.
    this.#parts.push(Buffer.from(bytes));
    onTaken();
    if (!isLast) return;
    const whole = this.#parts.length === 1 ? this.#parts[0]! : Buffer.concat(this.#parts);
    this.#parts = [];
    this.#isInflating = true;
    if (!this.#inflateInline(whole)) this.#inTurn((done) => this.#inflateBeside(whole, done));
  }

  /** False: it is too much for that. */
  #inflateInline(whole: Buffer): boolean {
    if (whole.byteLength > MAX_INLINE_BYTES) return false;
    const maxOutputLength = Math.max(1, Math.min(MAX_INLINE_INFLATED_BYTES, this.#maxMessageBytes));
    try {
      // Some compress an empty message to nothing.
      const inflated = whole.byteLength === 0 ? whole : INLINE[this.#encoding](whole, { maxOutputLength });
      this.#sink.hold(inflated.byteLength);
      this.#deliver([inflated], inflated.byteLength, whole);
    } catch (error) {
      if ((error as NodeJS.ErrnoException).code === 'ERR_BUFFER_TOO_LARGE') return false;
      this.#fail(explain(error as Error, this.#encoding));
    }
    return true;
  }

  #inflateBeside(whole: Buffer, done: () => void): void {
    if (this.#isOver) {
      done();
      return;
    }
    const stream = STREAMS[this.#encoding]({ chunkSize: CHUNK_BYTES });
    const inflated: Buffer[] = [];
    let bytes = 0;
    stream.once('close', done);
    stream.on('data', (data: Buffer) => {
      bytes += data.byteLength;
      if (this.#isOver) stream.destroy();
      else if (bytes > this.#maxMessageBytes) {
        stream.destroy();
        this.#fail(tooLarge(`a message that has more than ${this.#maxMessageBytes} bytes once it is unpacked`));
      } else {
        this.#sink.hold(data.byteLength);
        inflated.push(data);
      }
    });
    stream.once('error', (error) => this.#fail(explain(error, this.#encoding)));
    stream.once('end', () => this.#deliver(inflated, bytes, whole));
    stream.end(whole);
  }

  #deliver(inflated: readonly Buffer[], messageBytes: number, compressed: Buffer): void {
    if (this.#isOver) return;
    this.#sink.giveBack(compressed.byteLength);
    const pieces = inflated.length === 0 ? [Buffer.alloc(0)] : inflated;
    this.#untaken += pieces.length;
    for (const [at, bytes] of pieces.entries()) {
      this.#sink.piece({
        bytes,
        messageBytes: at === 0 ? messageBytes : undefined,
        isLast: at === pieces.length - 1,
        isCompressed: false,
        onTaken: () => {
          this.#untaken -= 1;
          this.#sink.giveBack(bytes.byteLength);
          this.#goOn();
        },
      });
    }
    this.#isInflating = false;
    this.#goOn();
  }

  #fail(error: ContactError): void {
    if (this.#isOver) return;
    this.close();
    this.#sink.failed(error);
  }
}

function explain(error: Error, encoding: Encoding): ContactError {
  return new ContactError('INTERNAL', `a message is marked as compressed by ${encoding}, and is not`, { cause: error });
}
