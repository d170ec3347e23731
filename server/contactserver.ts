import type { Listening } from './listening.ts';
import type { ServerOptions } from './options.ts';

/** A server inside this process. */
export interface ContactServer {
  /**
   * Accepts calls from now on; the windows of sessions that an earlier process left run from now.
   * FAILED_PRECONDITION: a socket file cannot be made, since a living server has it, say.
   */
  listen(): Promise<Listening>;
  /**
   * Goes away: claims nothing more, tells its clients, takes results until nobody holds a task or the deadline has
   * passed (default: the option `shutdownDeadlineMs`), then ends every stream. Nothing is released: what is running
   * stays with its client, to be resumed. Called again with a shorter deadline, that one counts.
   */
  close(options?: { readonly deadlineMs?: number }): Promise<void>;
  /**
   * Takes over what may change while it runs, of options as they were given to `createServer()`: docs/configuration.md says
   * which, and reads the certificates anew, as the server does by itself within a minute of a change: those that cannot be
   * used are logged, and those that there are stay. Answers the names of those that differ and need a new server. INVALID_ARGUMENT names an option: nothing changes.
   */
  reload(given: Partial<ServerOptions>): readonly (keyof ServerOptions)[];
  /** Rejects when the server cannot go on. */
  readonly failed: Promise<never>;
}
