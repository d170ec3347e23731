import type { Timers } from '../dispatch/timers.ts';
import type { Session } from './session.ts';

/** A look is at most an interval's twentieth early. */
const LOOKS_PER_INTERVAL = 20;

/** Looks at the liveness of sessions, of many in one turn: ten thousand idle ones cost a few turns a second. */
export interface Lookout {
  /** The next look is an interval from now. */
  expect(session: Session): void;
  /** Looks now: a session that is dead is told, of the others the next look is set. */
  look(session: Session): void;
}

export function createLookout(timers: Timers, pingIntervalMs: number, onDead: (session: Session) => void): Lookout {
  const lookIn = (session: Session, ms: number): void =>
    timers.setTogether(session.liveness, ms, pingIntervalMs / LOOKS_PER_INTERVAL);
  return {
    expect: (session) => lookIn(session, pingIntervalMs),
    look(session) {
      const ms = session.checkLiveness();
      if (ms === null) onDead(session);
      else lookIn(session, ms);
    },
  };
}
