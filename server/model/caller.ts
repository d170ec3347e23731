/** Which queues a caller may see: all, or those that a pattern matches, a name with an optional `*` at its end. */
export interface QueueScope {
  readonly queues: 'all' | readonly string[];
}

export const EVERY_QUEUE: QueueScope = Object.freeze({ queues: 'all' });

/** Who makes a call. Handlers are given it with every request; by-id operations of the store take its scope. */
export interface Caller {
  /** Its name, to which its sessions are bound; empty: nobody asked for it. */
  readonly principal: string;
  /** How it is known who that is. */
  readonly kind: 'anonymous';
  readonly scope: QueueScope;
}

/** Whoever reaches the server, while it asks nobody who they are. */
export const ANONYMOUS: Caller = Object.freeze({ principal: '', kind: 'anonymous', scope: EVERY_QUEUE });

/** Whether tasks of this queue are there for who has the scope. A `*` elsewhere than at the end matches nothing. */
export function isInScope({ queues }: QueueScope, queue: string): boolean {
  return queues === 'all' || queues.some((pattern) => matches(pattern, queue));
}

function matches(pattern: string, queue: string): boolean {
  return pattern.endsWith('*') ? queue.startsWith(pattern.slice(0, -1)) : queue === pattern;
}
