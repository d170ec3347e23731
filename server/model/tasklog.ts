import type { Delivery } from './task.ts';

// What workers say while they have a task, for people: lines that are kept with its attempts.

export type LogLevel = 'debug' | 'info' | 'warn' | 'error';

/** A line of the log of a delivery. */
export interface LogLine {
  /** Counts the lines of the delivery from 1, as its worker does; of those that are missing nobody has the text. */
  readonly number: number;
  readonly level: LogLevel;
  /** By the clock of the worker, or when the server was told. */
  readonly at: number;
  readonly text: string;
}

export type TaskLogLine = Delivery & LogLine;

/** A line as it is kept with its task. */
export type LogRecord = Omit<TaskLogLine, 'taskId'>;

/** The place of a line among those of its task. */
export type LogPlace = Pick<LogRecord, 'delivery' | 'number'>;

/** Lines that are kept of an attempt: the newest. */
export const MAX_ATTEMPT_LINES = 100;

/** Lines that are kept of all attempts of a task: the newest, so that a task weighs no more than a large payload. */
export const MAX_TASK_LINES = 1_000;
