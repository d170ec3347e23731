import { setImmediate as nextTurn } from 'node:timers/promises';
import { ContactError } from '../../shared/errors.ts';
import type { Wire } from './wire.ts';

/**
 * Node takes small messages as long as the window of the stream allows, and reads nothing meanwhile, not even the answer: after
 * so many it has its turn.
 */
const MESSAGES_PER_TURN = 16;

/** What a caller sends in one call. */
export interface Requests {
  /** Some of it was taken and cannot be had again: another try would lack it. */
  readonly isTaken: boolean;
  /** What its source has thrown, if it has. */
  readonly failure: { readonly error: unknown } | undefined;
  /** Sends all of it, at the pace of the connection, which stands once `connected` resolves; then half-closes. */
  send(wire: Wire, connected: Promise<void>): void;
  /** Nothing more is wanted. */
  close(): void;
}

/** One message, which may be sent as often as it takes. */
export function oneRequest(message: Buffer): Requests {
  return {
    isTaken: false,
    failure: undefined,
    send(wire) {
      void wire.send(message);
      wire.halfClose();
    },
    close: () => undefined,
  };
}

/** What an iterable yields, one by one as the connection takes it. */
export function manyRequests<T>(source: AsyncIterable<T> | Iterable<T>, encode: (value: T) => Buffer): Requests {
  let iterator: AsyncIterator<T> | Iterator<T> | undefined;
  let failure: { readonly error: unknown } | undefined;
  let isTaken = false;
  let isDone = false;

  async function pump(wire: Wire): Promise<void> {
    isTaken = true;
    iterator ??=
      Symbol.asyncIterator in source ? source[Symbol.asyncIterator]() : (source as Iterable<T>)[Symbol.iterator]();
    let leave = (): void => undefined;
    void wire.ended.then(() => leave());
    for (let count = 1; !wire.isOver; count++) {
      // Not a race: each would stay with the end of the call, and a call may have any number of messages.
      const found = await new Promise<IteratorResult<T> | undefined>((resolve, reject) => {
        leave = () => resolve(undefined);
        Promise.resolve(iterator!.next()).then(resolve, reject);
      });
      if (!found) return;
      if (found.done) {
        isDone = true;
        wire.halfClose();
        return;
      }
      await wire.send(encode(found.value));
      if (count % MESSAGES_PER_TURN === 0) await nextTurn();
    }
  }

  return {
    get isTaken() {
      return isTaken;
    },
    get failure() {
      return failure;
    },
    send(wire, connected) {
      void Promise.race([connected, wire.ended])
        .then(() => (wire.isOver ? undefined : pump(wire)))
        .catch((error: unknown) => {
          failure = { error: error ?? new ContactError('INTERNAL', 'the requests have failed') };
          wire.cancel();
        });
    },
    close() {
      if (isDone || !iterator) return;
      isDone = true;
      // A source that waits for something is told when it goes on; nobody waits for that.
      void (async () => iterator.return?.())().catch(() => undefined);
    },
  };
}
