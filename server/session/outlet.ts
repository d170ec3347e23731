import type { ContactError } from '../../shared/errors.ts';
import type { ClaimedTask, Delivery } from '../model/task.ts';

/** What a session says down its task stream. */
export type SessionEvent =
  | {
      readonly kind: 'registered';
      readonly clientId: string;
      readonly resumed: boolean;
      readonly closed: readonly Delivery[];
      readonly maxInFlight: number;
    }
  | { readonly kind: 'tasks'; readonly tasks: readonly ClaimedTask[] }
  | { readonly kind: 'cancel'; readonly delivery: Delivery; readonly reason: string }
  | { readonly kind: 'drain' }
  | { readonly kind: 'moving'; readonly afterMs: number }
  | { readonly kind: 'ping' }
  /** The credential of the client expires, by the wall clock in milliseconds. */
  | { readonly kind: 'renew'; readonly expiresAt: number };

/** The task stream as a session sees it; `transport` implements it for each contract. */
export interface TaskOutlet {
  /** Address and port of the other end. */
  readonly peer: string;
  /**
   * Sends an event. False: it was taken, and nothing more should be sent before `onDrain`. Never throws.
   * @param onTaken called when the socket has all of it; never, if the stream ends before
   */
  send(seq: number, event: SessionEvent, onTaken?: () => void): boolean;
  /** Calls `listener` whenever a full stream can take more. */
  onDrain(listener: () => void): void;
  /** Ends the stream with a status, null: OK; a socket that does not let it go is destroyed by transport. */
  end(error: ContactError | null): void;
}

export type OutcomeCode = 'STORED' | 'DUPLICATE' | 'STALE' | 'UNKNOWN' | 'TOO_LARGE' | 'RETRY_LATER';

/** What became of a result, a release or a stop. */
export interface Outcome extends Delivery {
  readonly code: OutcomeCode;
  /** When to send it again after RETRY_LATER; else 0. */
  readonly afterMs: number;
}

/** The answering half of a status stream. */
export interface StatusOutlet {
  /** The client has closed it, or it has ended. */
  isOver(): boolean;
  /** Says something that means nothing, if nothing was said for a while: proxies cut streams that are idle. */
  keep?(): void;
  end(error: ContactError | null): void;
}
