/** Where one registration stands. */
export type Phase = 'plain' | 'full' | 'away' | 'ended';

/** What moves a session from one phase to the next. */
export type Step = 'paired' | 'gone' | End;

/** How a session that is away comes to its end. */
export type End = 'resumed' | 'replaced' | 'expired';

/**
 * The one table of a session's phases; docs/states.md is drawn from it. A missing entry is illegal. A session begins
 * as `plain`, also one whose SendStatus is there already; one that an earlier process left begins as `away`.
 */
export const PHASES: Readonly<Record<Phase, Readonly<Partial<Record<Step, Phase>>>>> = Object.freeze({
  plain: { paired: 'full', gone: 'away' },
  full: { gone: 'away' },
  away: { resumed: 'ended', replaced: 'ended', expired: 'ended' },
  ended: {},
});

/** Undefined: the step is not legal there. */
export function nextPhase(phase: Phase, step: Step): Phase | undefined {
  return PHASES[phase][step];
}

/** Whether its task stream is open. */
export function isOpen(phase: Phase): boolean {
  return phase === 'plain' || phase === 'full';
}

/** Throws where the step is not legal: whoever takes it has looked at the phase before. */
export function advance(session: { phase: Phase }, step: Step): void {
  const next = nextPhase(session.phase, step);
  if (!next) throw new Error(`a session that is ${session.phase} cannot be ${step}`);
  session.phase = next;
}
