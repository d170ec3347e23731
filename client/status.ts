import type { ContactError } from '../shared/errors.ts';

/** What a worker tells of itself to its own program. */
export interface WorkerStatus {
  /** `draining`: connected, and taking no new tasks. */
  readonly state: 'connecting' | 'connected' | 'reconnecting' | 'draining' | 'stopped';
  readonly clientId: string;
  /** Handlers that run. */
  readonly running: number;
  /** Why it reconnects, or why it has stopped. */
  readonly error?: ContactError;
  /** Milliseconds until the next attempt to connect. */
  readonly nextTryMs?: number;
}
