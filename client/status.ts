import type { ContactError } from '../shared/errors.ts';
import { mendText } from '../shared/text.ts';
import { cutCharacters } from './text.ts';

const MAX_STATUS_LENGTH = 256;

/** What a worker tells of itself to its own program. */
export interface WorkerStatus {
  /** `draining`: connected, and taking no new tasks. */
  readonly state: 'connecting' | 'connected' | 'reconnecting' | 'draining' | 'stopped';
  /** As `clientId` of the worker. */
  readonly clientId: string;
  /** How many handlers run. */
  readonly running: number;
  /** Why it reconnects, or why it has stopped. */
  readonly error?: ContactError;
  /** Milliseconds until the next try to connect. */
  readonly nextTryMs?: number;
}

/** Why a worker is not connected, and for how long it waits. */
export type Trouble = Required<Pick<WorkerStatus, 'error' | 'nextTryMs'>>;

interface Standing {
  readonly isRegistered: boolean;
  readonly isDraining: boolean;
  readonly trouble: Trouble | null;
}

/** What a worker that has not stopped tells. */
export function statusOf(
  now: Pick<WorkerStatus, 'clientId' | 'running'>,
  { isRegistered, isDraining, trouble }: Standing,
): WorkerStatus {
  if (isRegistered) return { ...now, state: isDraining ? 'draining' : 'connected' };
  return { ...now, state: trouble ? 'reconnecting' : 'connecting', ...trouble };
}

/** A status text as it may be sent: mended, and cut at 256 characters. */
export function shortenStatus(text: string): string {
  return cutCharacters(mendText(text), MAX_STATUS_LENGTH);
}
