import type { ContactError } from '../../shared/errors.ts';
import type { Receiver } from '../dispatch/receiver.ts';
import type { Deadline } from '../dispatch/timers.ts';
import type { Caller } from '../model/caller.ts';
import type { Owner } from '../model/owner.ts';
import type { Delivery, SessionRef } from '../model/task.ts';
import type { Brake } from './brake.ts';
import type { ByteBudget } from './budget.ts';
import type { HeldDelivery, Ledger } from './ledger.ts';
import type { SessionEvent, StatusOutlet, TaskOutlet } from './outlet.ts';
import type { Phase } from './phases.ts';
import type { SessionSettings } from './settings.ts';
import type { Timeouts } from './timeouts.ts';

/** What a session is made of. */
export interface SessionOptions {
  readonly ref: SessionRef;
  readonly id: string;
  readonly clientId: string;
  readonly isNamed: boolean;
  /** As in a registration. */
  readonly isDrawn?: boolean;
  readonly subject?: string;
  readonly caller?: Caller;
  readonly isResumable: boolean;
  readonly isAnswerable?: boolean;
  readonly labels: Readonly<Record<string, string>>;
  readonly queues: readonly string[];
  readonly agent: string;
  readonly credit: number;
  readonly timeouts?: Timeouts | undefined;
  readonly outlet: TaskOutlet;
  readonly budget: ByteBudget;
  readonly settings: SessionSettings;
  readonly brake: Brake;
  readonly connectedAt: number;
  readonly monotonic: () => number;
  /** Messages that are sent in it; else 2^31. */
  readonly maxSeq?: number;
  /** The session may be given tasks again. */
  readonly onCapacity: (session: Session) => void;
  /** A task is about to be pushed: whoever finds deliveries by their names has to know of it. */
  readonly onHeld: (session: Session, held: HeldDelivery) => void;
}

/** One registration: a task stream and, if it is full, the status stream that belongs to it. */
export interface Session extends Receiver, Owner {
  readonly options: SessionOptions;
  readonly ledger: Ledger;
  phase: Phase;
  /** Null: plain. */
  readonly status: StatusOutlet | null;
  /** The session opened its status stream late, or gave a receipt: what it has not told as started has not started. */
  isHeard: boolean;
  /** Its client tells when it begins a task, unless the end of that comes with it. */
  tellsStarts: boolean;
  /** Since when its client had said nothing when its newest message came, by the monotonic clock. */
  readonly quietSince: number;
  /**
   * The session is plain, and an attempt of it has timed out or has not ended within the grace of its cancel: behind a
   * proxy it may stand still with nobody noticing, so it is given nothing more until its client tells a result.
   */
  isOverdue: boolean;
  isDraining: boolean;
  /** Wall clock of the last receipt; 0: none yet. */
  lastReceiptAt: number;
  /** Free text the client sent; the newest counts. */
  text: string;
  /** Runs until the next look at the liveness of the session. */
  readonly liveness: Deadline;
  /** The SendStatus of the session is there, so that it is full. */
  pair(outlet: StatusOutlet): void;
  /** Asks its client to stop this delivery. */
  cancel(delivery: Delivery, reason: string): void;
  /** @param onTaken the socket has it */
  send(event: SessionEvent, onTaken?: () => void): void;
  receipt(seq: number): void;
  setCredit(credit: number): void;
  /** Tells the client to take no more; taken back, it is given tasks again. */
  drain(isDraining: boolean): void;
  /** Anything sent up counts as life. */
  touch(): void;
  /**
   * Looks at the liveness of the session, and pings if that is due. Null: it is over, see `endReason`; else when to
   * look again.
   */
  checkLiveness(): number | null;
  /** Why the session is over, once a look has said that it is. */
  readonly endReason: ContactError;
  /** Ends both streams with a status; what becomes of what the session holds is for the registry to say. */
  end(error: ContactError | null): void;
}
