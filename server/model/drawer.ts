/** Whether a session takes tasks, or what keeps it from taking more. */
export type StandingKind = 'free' | Hold;

export interface Standing {
  readonly kind: StandingKind;
  /** How many tasks it may hold. */
  readonly credit: number;
  /** What it was sent and has not seen, and how large a task it would be given beside that. */
  readonly owedBytes: number;
  readonly roomBytes: number;
}

/** Somebody who may take the task. */
export interface Drawer extends Standing {
  /** Null: whoever asks is not told its name. */
  readonly clientId: string | null;
}

/** What keeps a session from taking more: first what ends only by somebody's act, last what passes by itself. */
export const HOLDS = ['drained', 'unread', 'overdue', 'gives_back', 'budget', 'full'] as const;

type Hold = (typeof HOLDS)[number];

/** Who is free may yet have no room for a task of this size. */
export function standingFor({ kind, owedBytes, roomBytes }: Standing, bytes: number): StandingKind {
  if (kind !== 'free' || bytes <= roomBytes) return kind;
  return owedBytes > 0 ? 'unread' : 'budget';
}

/**
 * How a client stands that has both sessions: one that is free is enough, and of two the one with more room; else the one
 * whose hold passes soonest. The credit of those that stand like it is added up.
 */
export function eitherOf(a: Standing, b: Standing): Standing {
  const best = easeOf(b) > easeOf(a) || (b.kind === a.kind && b.roomBytes > a.roomBytes) ? b : a;
  return { ...best, credit: a.kind === b.kind ? a.credit + b.credit : best.credit };
}

const easeOf = ({ kind }: Standing): number => (kind === 'free' ? HOLDS.length : HOLDS.indexOf(kind));
