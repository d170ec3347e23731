import { Buffer } from 'node:buffer';
import type { TunnelCall } from '../../tunnel/call.ts';
import { costOf } from '../../tunnel/window.ts';

/** What the answers of one call that are not in the tunnel may cost, above which its handler waits for the next. */
const MAX_WAITING_COST = 131_072;

/** What a handler has answered: on its way into the tunnel, and bounded. */
export class Answers {
  readonly #call: TunnelCall;
  #waitingCost = 0;
  #failure: Error | undefined;
  /** Whoever waits, and what may be left then. One at a time. */
  #waiting: PromiseWithResolvers<void> | undefined;
  #enough = 0;

  constructor(call: TunnelCall) {
    this.#call = call;
  }

  add(bytes: Uint8Array): void {
    const messageBytes = bytes.byteLength;
    const cost = costOf(messageBytes, true);
    this.#waitingCost += cost;
    this.#call.send({
      bytes: Buffer.from(bytes.buffer, bytes.byteOffset, messageBytes),
      messageBytes,
      isLast: true,
      isCompressed: false,
      onTaken: () => this.#take(cost),
    });
  }

  /** More waits than may. */
  get isFull(): boolean {
    return this.#waitingCost >= MAX_WAITING_COST;
  }

  /** Resolves once there is room for the next. Rejects when the call is over. */
  hasRoom(): Promise<void> {
    return this.#until(MAX_WAITING_COST - 1);
  }

  /** Resolves once all are in the tunnel. Rejects when the call is over before. */
  allTaken(): Promise<void> {
    return this.#until(0);
  }

  /** The call is over. */
  fail(error: Error): void {
    this.#failure ??= error;
    this.#waiting?.reject(error);
    this.#waiting = undefined;
  }

  #until(cost: number): Promise<void> {
    if (this.#failure) return Promise.reject(this.#failure);
    if (this.#waitingCost <= cost) return Promise.resolve();
    this.#enough = cost;
    this.#waiting = Promise.withResolvers();
    return this.#waiting.promise;
  }

  #take(cost: number): void {
    this.#waitingCost -= cost;
    if (!this.#waiting || this.#waitingCost > this.#enough) return;
    this.#waiting.resolve();
    this.#waiting = undefined;
  }
}
