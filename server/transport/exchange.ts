import type { IncomingHttpHeaders, OutgoingHttpHeaders } from 'node:http';
import type { Readable } from 'node:stream';
import type { Clock } from '../../shared/clock.ts';
import { ContactError } from '../../shared/errors.ts';
import type { Caller } from '../model/caller.ts';
import { type Patience, patienceMs } from '../session/liveness.ts';
import type { Carrier } from './carrier.ts';
import { readBody } from './request_body.ts';

/** A request that is not gRPC, of HTTP/1 or of HTTP/2. */
export interface WebRequest extends Readable {
  readonly method?: string | undefined;
  readonly url?: string | undefined;
  readonly headers: IncomingHttpHeaders;
  readonly rawHeaders: readonly string[];
  readonly complete: boolean;
}

/** What is answered to it. */
export interface WebResponse {
  readonly headersSent: boolean;
  readonly writableLength: number;
  writeHead(status: number, headers: OutgoingHttpHeaders): unknown;
  write(part: string): boolean;
  end(body?: string | Uint8Array): unknown;
  on(event: 'close' | 'drain' | 'error', listener: () => void): unknown;
  off(event: 'close' | 'drain', listener: () => void): unknown;
}

/** Takes a request that has just begun. */
export type TakeRequest = (request: WebRequest, response: WebResponse, wire: Wire) => void;

/** What HTTP/1 and HTTP/2 do differently. */
export interface Wire {
  readonly carrier: Carrier;
  /** Tells a client that waits for it to send its body. */
  goOn(): void;
  /** The connection does not carry another request. */
  leave(): void;
  /** Ends the request, and what else it must, without an answer. */
  destroy(): void;
}

export interface ExchangeOptions {
  readonly clock: Clock;
  readonly patience: Patience;
  /** Who calls, if the method at this path is for them: rejects with a ContactError. */
  readonly admit: (exchange: Exchange, path: string) => Promise<Caller>;
  readonly hold: (bytes: number) => boolean;
}

/** A body that is not read, as its request is refused, is thrown away up to this size; of a larger one the connection is given up. */
const MAX_DROPPED_BYTES = 64 << 10;
const GONE = new ContactError('CANCELLED', 'the caller has gone');

/** One request and its answer: who it is of, its body and what is written, each in its time. */
export class Exchange {
  readonly request: WebRequest;
  /** Address and port of the other end. */
  readonly peer: string;
  /** Who was let in; undefined: nobody yet. */
  caller: Caller | undefined;
  readonly carrier: Carrier;
  readonly #response: WebResponse;
  readonly #wire: Wire;
  readonly #options: ExchangeOptions;
  readonly #controller = new AbortController();
  #heldBytes = 0;
  #isRead = false;

  constructor(request: WebRequest, response: WebResponse, wire: Wire, options: ExchangeOptions) {
    this.request = request;
    this.carrier = wire.carrier;
    this.#response = response;
    this.#wire = wire;
    this.#options = options;
    const { remoteAddress = '', remotePort } = wire.carrier.session?.socket ?? {};
    this.peer = remotePort === undefined ? remoteAddress : `${remoteAddress}:${remotePort}`;
    // An error that nobody listens for ends the process; that the other end has gone is told by `close`.
    request.on('error', () => undefined);
    response.on('error', () => undefined);
    response.on('close', () => {
      options.hold(-this.#heldBytes);
      this.#heldBytes = 0;
      this.abort(GONE);
    });
  }

  /** Aborted with a ContactError once nobody waits for an answer any more, or whoever waits must not have it. */
  get signal(): AbortSignal {
    return this.#controller.signal;
  }

  /** A part of the answer has been sent. */
  get isBegun(): boolean {
    return this.#response.headersSent;
  }

  abort(reason: ContactError): void {
    this.#controller.abort(reason);
  }

  /** Resolves with who calls, if the method of the contract at this path is for them. */
  admit(path: string): Promise<Caller> {
    return this.#options.admit(this, path);
  }

  /** The whole body. RESOURCE_EXHAUSTED, DEADLINE_EXCEEDED: it is too large, or too slow. */
  async readBody(maxBytes: number): Promise<Buffer> {
    const { clock, patience, hold } = this.#options;
    const isHeld = (bytes: number): boolean => {
      if (!hold(bytes)) return false;
      this.#heldBytes += bytes;
      return true;
    };
    this.#wire.goOn();
    const body = await readBody(this.request, {
      ...{ maxBytes, clock, hold: isHeld },
      patienceMs: (bytes) => patienceMs(patience, bytes),
    });
    this.#isRead = true;
    return body;
  }

  /** Answers in one piece. */
  send(status: number, headers: OutgoingHttpHeaders, body: string | Uint8Array): void {
    if (this.carrier.destroyed) return;
    const bytes = Buffer.byteLength(body);
    if (!this.#isRead) this.#dropBody();
    this.#response.writeHead(status, { ...headers, 'content-length': bytes });
    this.#response.end(this.request.method === 'HEAD' ? undefined : body);
    this.#expectTaken(bytes);
  }

  /** Begins an answer that comes in parts. */
  begin(status: number, headers: OutgoingHttpHeaders): void {
    if (this.carrier.destroyed) return;
    this.#response.writeHead(status, headers);
  }

  /** Writes a part. Resolves once more may be written; false: nobody reads any more, or too slowly. */
  async write(part: string): Promise<boolean> {
    if (this.carrier.destroyed) return false;
    if (this.#response.write(part)) return true;
    return new Promise((resolve) => {
      const settle = (hasRoom: boolean): void => {
        stop();
        this.#response.off('drain', onDrain);
        this.#response.off('close', onClose);
        resolve(hasRoom);
      };
      const onDrain = (): void => settle(true);
      const onClose = (): void => settle(false);
      const stop = this.#expectTaken(this.#response.writableLength);
      this.#response.on('drain', onDrain);
      this.#response.on('close', onClose);
    });
  }

  end(): void {
    if (this.carrier.destroyed) return;
    this.#response.end();
    this.#expectTaken(this.#response.writableLength);
  }

  destroy(): void {
    this.#wire.destroy();
  }

  /** Whoever takes what was written more slowly than the slowest line is given up. */
  #expectTaken(bytes: number): () => void {
    const { clock, patience } = this.#options;
    const stop = clock.after(patienceMs(patience, bytes), () => this.destroy());
    this.#response.on('close', stop);
    return stop;
  }

  #dropBody(): void {
    const { complete, headers } = this.request;
    const announced = headers['content-length'];
    const hasBody = announced !== undefined || headers['transfer-encoding'] !== undefined;
    if (complete || !hasBody) return;
    if (announced === undefined || Number(announced) > MAX_DROPPED_BYTES) this.#wire.leave();
    this.request.resume();
  }
}
