import type { LastEnd } from '../../../model/expiry.ts';
import type { SettledState, TaskState } from '../../../model/task.ts';
import type { TaskTerms } from './terms.ts';

// A task's row, and how its columns are spelled.

/** States as they are stored: the first three in `live`, the others in `result`. */
const STATES: readonly TaskState[] = ['ready', 'running', 'scheduled', 'succeeded', 'failed', 'cancelled', 'expired'];

export const READY = 0;
export const RUNNING = 1;
export const SCHEDULED = 2;

export function stateName(state: number): TaskState {
  return STATES[state]!;
}

export function stateNumber(state: TaskState): number {
  return STATES.indexOf(state);
}

/** How the newest delivery of a waiting task ended; only a loss can be adopted. */
export const ENDED = Object.freeze({
  none: 0,
  lost: 1,
  /** Lost after it was started: an attempt is burnt. */
  lostBurnt: 2,
  /** By a client's failure, and retried. */
  failed: 3,
  /** By the server: a timeout. */
  timedOut: 4,
  released: 5,
  redriven: 6,
});

export function lastEnd(ended: number): LastEnd {
  if (ended === ENDED.lost || ended === ENDED.lostBurnt) return 'lost';
  if (ended === ENDED.failed || ended === ENDED.timedOut) return 'failed';
  return ended === ENDED.released ? 'released' : 'none';
}

/** A task and, when it is not settled, its live row (else `state` is null). No blobs. */
export interface TaskRow {
  readonly key: number;
  readonly id: string;
  readonly queue_id: number;
  readonly terms: TaskTerms;
  readonly parent_id: string | null;
  readonly state: number | null;
  readonly lane_id: number;
  readonly delivery: number;
  readonly attempt: number;
  readonly lost: number;
  readonly ended: number;
  readonly has_checkpoint: number;
  readonly session_key: number | null;
  readonly claimed_at: number | null;
  readonly cancel_reason: string | null;
  /** The client whose loss ended the newest delivery, of one that waits since; null: not known. */
  readonly owner: string | null;
}

const NO_METADATA: Readonly<Record<string, string>> = Object.freeze({});

export function parseMetadata(text: string | null): Readonly<Record<string, string>> {
  return text === null ? NO_METADATA : (JSON.parse(text) as Record<string, string>);
}

/** Canonical, so that equal pairs give equal text. */
export function formatMetadata(metadata: Readonly<Record<string, string>>): string | null {
  if (isEmpty(metadata)) return null;
  const keys = Object.keys(metadata);
  if (keys.length === 1) return JSON.stringify(metadata);
  return JSON.stringify(Object.fromEntries(keys.sort().map((key) => [key, metadata[key]])));
}

function isEmpty(metadata: Readonly<Record<string, string>>): boolean {
  for (const _ in metadata) return false;
  return true;
}

export function settledName(state: number): SettledState {
  return STATES[state] as SettledState;
}
