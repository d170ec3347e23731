import { createHash } from 'node:crypto';
import type { Caller } from '../model/caller.ts';
import type { Delivery } from '../model/task.ts';
import type { TaskOutlet } from './outlet.ts';
import type { Timeouts } from './timeouts.ts';

export interface RegistrationResume {
  readonly previousId: string;
  readonly holding: readonly Delivery[];
  /** Nothing has begun but what is in `holding` or was told as started. */
  readonly isComplete: boolean;
}

/** A client that registers. */
export interface Registration {
  /** The secret id of this registration. */
  readonly id: string;
  readonly subject: string;
  /** Who registers; undefined: nobody asked. */
  readonly caller?: Caller;
  readonly clientId: string;
  readonly isNamed: boolean;
  /** The server drew its client id: a SendStatus that belongs to it may name none. */
  readonly isDrawn?: boolean;
  /** False: nobody else knows its id, so nobody can resume it. */
  readonly isResumable: boolean;
  /** Its client may tell the results of what it held for a window, although nobody can resume it. */
  readonly isAnswerable?: boolean;
  readonly queues: readonly string[];
  readonly labels: Readonly<Record<string, string>>;
  readonly credit: number;
  /** Absent: there are none but those of tasks. */
  readonly timeouts?: Timeouts | undefined;
  readonly agent: string;
  readonly resume: RegistrationResume | null;
  readonly outlet: TaskOutlet;
}

/** The session before, as the store knows it, and what is left of it. */
export function previousOf({ previousId, holding }: RegistrationResume) {
  return { previousHash: digest(previousId), holding };
}

/** What the store keeps of a secret. */
export function digest(secret: string): string {
  return createHash('sha256').update(secret).digest('hex');
}
