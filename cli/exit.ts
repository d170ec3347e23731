import { CommanderError } from 'commander';
import { ContactError } from '../shared/errors.ts';

/** What the process answers to its caller. */
export const EXIT = Object.freeze({
  done: 0,
  /** The task failed, or the server said no. */
  refused: 1,
  usage: 2,
  /** The server could not be reached in time. */
  unreachable: 3,
});

export interface FailureFacts {
  /** A name of gRPC, or of what was said of a task. Default: what the exit code stands for. */
  readonly code?: string | undefined;
  /** The id of the task that it is about. */
  readonly id?: string | undefined;
  /** What is wrong of what was given: `--to`. */
  readonly field?: string | undefined;
  /** Names the reason of the server for programs: `TLS_PIN`. */
  readonly reason?: string | undefined;
}

/** Ends the command with one line on stderr and this exit code. */
export class CommandFailure extends Error {
  readonly exitCode: number;
  /** What programs are told of it beside the message. */
  readonly facts: FailureFacts;

  constructor(message: string, exitCode: number = EXIT.refused, facts: FailureFacts = {}) {
    super(message);
    this.name = 'CommandFailure';
    this.exitCode = exitCode;
    this.facts = facts;
  }
}

/** A mistake in the command line that the parser cannot see. */
export function usageError(message: string): CommandFailure {
  return new CommandFailure(message, EXIT.usage);
}

/** The exit code that a thrown value stands for. */
export function exitCodeOf(error: unknown): number {
  if (error instanceof CommandFailure) return error.exitCode;
  if (error instanceof CommanderError) return error.exitCode === 0 ? EXIT.done : EXIT.usage;
  if (!(error instanceof ContactError)) return EXIT.refused;
  if (error.code === 'UNAVAILABLE') return EXIT.unreachable;
  // What was given on the command line makes no sense, whoever noticed it.
  if (error.code === 'INVALID_ARGUMENT') return EXIT.usage;
  return EXIT.refused;
}

/** Closes every help text. */
export const EXIT_CODES_HELP = `
Exit codes:
  0  done
  1  the task failed, or the server said no
  2  wrong usage
  3  the server could not be reached in time`;
