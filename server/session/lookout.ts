import type { Timers } from '../dispatch/timers.ts';
import type { Session } from './session.ts';

/** Sessions are looked at in groups: a look is at most the twentieth part of an interval early. */
const LOOKS_PER_INTERVAL = 20;

/** Looks at the liveness of sessions, of many in one turn: ten thousand idle ones cost a few turns a second. */
export interface Lookout {
  /** The next look is an interval from now. */
  expect(session: Session): void;
  /** Looks now: `onDead` is called for a session that is dead, for others the next look is set. */
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
