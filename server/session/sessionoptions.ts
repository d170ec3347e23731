import type { Caller } from '../model/caller.ts';
import type { SessionRef } from '../model/task.ts';
import type { Brake } from './brake.ts';
import type { ByteBudget } from './budget.ts';
import type { HeldDelivery } from './ledger.ts';
import type { TaskOutlet } from './outlet.ts';
import type { Session } from './session.ts';
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
