import type { Clock } from '../shared/clock.ts';
import type { Logger } from '../shared/logger.ts';
import type { Api } from './api/api.ts';
import type { TaskQueue } from './dispatch/queue.ts';
import type { Registry } from './session/registry.ts';

/** What there is in a server for a part that hangs on it. */
export interface House {
  readonly queue: TaskQueue;
  readonly registry: Registry;
  readonly api: Api;
  readonly clock: Clock;
  readonly logger: Logger;
}

/** When a server that goes waits no longer. */
export interface Deadline {
  /** From when it began to go. */
  readonly afterMs: number;
  /** It may be moved forward meanwhile. */
  isOver(): boolean;
}

/**
 * A part that begins and ends with a server, and that nothing in it needs. A room makes one by the shape alone: what it
 * takes of the house is for it to say.
 */
export interface Subsystem {
  /** Calls are accepted once all have started. */
  start(house: House): Promise<void>;
  /** The server is going: nothing new is begun from now on. What is under way may end until the deadline, and no later. */
  close(deadline: Deadline): Promise<void>;
}

/** Several as one. They start in order, and go together: one that fails is logged and holds up no other. */
export function joinSubsystems(parts: readonly Subsystem[]): Subsystem {
  /** In the order of their start. */
  const started: Subsystem[] = [];
  let logger: Logger | undefined;

  return {
    async start(house) {
      ({ logger } = house);
      for (const part of parts) {
        started.push(part);
        await part.start(house);
      }
    },
    async close(deadline) {
      // One throws, another rejects: both have failed.
      const ends = started.splice(0).map(async (part) => part.close(deadline));
      for (const end of await Promise.allSettled(ends)) {
        if (end.status === 'rejected')
          logger?.error({ err: end.reason }, 'a part of the server did not end as it should');
      }
    },
  };
}
