import type { Clock } from '../shared/clock.ts';
import type { Logger } from '../shared/logger.ts';
import type { Api } from './api/api.ts';
import type { TaskQueue } from './dispatch/queue.ts';
import type { Registry } from './session/registry.ts';

/** What a server gives to each of its subsystems. */
export interface ServerCore {
  readonly queue: TaskQueue;
  readonly registry: Registry;
  readonly api: Api;
  readonly clock: Clock;
  readonly logger: Logger;
}

/** Until when a server that goes away waits. */
export interface Deadline {
  /** Milliseconds from when it began to go. */
  readonly afterMs: number;
  /** It may be moved forward meanwhile. */
  isOver(): boolean;
}

/**
 * A part that begins and ends with a server, and that nothing else in it needs. A folder makes one by the shape alone,
 * without an import of this file: it declares what it takes of the core.
 */
export interface Subsystem {
  /** Resolves when the subsystem is ready: calls are accepted once all have started. */
  start(core: ServerCore): Promise<void>;
  /**
   * The server is going: nothing new is begun from now on. What is under way may end until the deadline, and no later.
   */
  close(deadline: Deadline): Promise<void>;
}

/**
 * Several subsystems as one. They start in order and close together: one that fails is logged and holds up no other.
 */
export function joinSubsystems(parts: readonly Subsystem[]): Subsystem {
  /** Those that have begun to start, in that order. */
  const started: Subsystem[] = [];
  let logger: Logger | undefined;

  return {
    async start(core) {
      ({ logger } = core);
      for (const part of parts) {
        started.push(part);
        await part.start(core);
      }
    },
    async close(deadline) {
      // A `close` that throws has failed as one that rejects has.
      const ends = started.splice(0).map(async (part) => part.close(deadline));
      for (const end of await Promise.allSettled(ends)) {
        if (end.status === 'rejected')
          logger?.error({ err: end.reason }, 'a part of the server did not end as it should');
      }
    },
  };
}
