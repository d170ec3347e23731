import { holdsCredential } from '../../shared/redact.ts';

/** Queues that have a label of their own: each is many series, which cost whoever stores them too. */
export const MAX_LABELS = 100;
/** All others together. It may be the name of a queue, which then is one of them. */
export const OTHER = '_other';

/** A queue that may have a label. */
export interface Candidate {
  readonly queue: string;
  /** What it has to do; the largest are chosen first. */
  readonly size: number;
}

/**
 * Which queues have a label of their own; one that an older version has taken a secret for the name of has none. One that has it keeps it, for a series that comes and goes is of no use, unless
 * all labels are taken and the queue is gone.
 */
export interface QueueLabels {
  has(queue: string): boolean;
  /**
   * Gives the labels that are free. `candidates` is asked only if there may be one.
   * @param isGone whether a queue has no tasks, and none was counted for a while
   */
  give(candidates: () => readonly Candidate[], isGone: (queue: string) => boolean): Choice;
}

export interface Choice {
  readonly given: readonly string[];
  readonly taken: readonly string[];
}

export function createQueueLabels(max: number = MAX_LABELS): QueueLabels {
  // Bounded by `max`.
  const labelled = new Set<string>();

  return {
    has: (queue) => labelled.has(queue),

    give(candidates, isGone) {
      const gone = labelled.size < max ? [] : [...labelled].filter(isGone);
      if (labelled.size >= max && gone.length === 0) return { given: [], taken: [] };
      const wanted = candidates()
        .filter(({ queue }) => queue !== OTHER && !labelled.has(queue) && !holdsCredential(queue))
        .sort((a, b) => b.size - a.size || (a.queue < b.queue ? -1 : 1));
      const given = wanted.slice(0, max - labelled.size + gone.length).map(({ queue }) => queue);
      const taken = gone.slice(0, Math.max(0, labelled.size + given.length - max));
      for (const queue of taken) labelled.delete(queue);
      for (const queue of given) labelled.add(queue);
      return { given, taken };
    },
  };
}
