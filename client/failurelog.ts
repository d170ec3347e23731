import { lineOf } from '../shared/text.ts';
import type { Connection } from './connection.ts';
import type { FailedTask, TaskListener } from './delivery.ts';
import { cutCharacters } from './text.ts';

/** Lines that are said in a second. */
const MAX_LINES = 10;
const PACE_MS = 1_000;
/** Characters of a message that are said. */
const MAX_SHOWN = 500;

/**
 * What a worker tells of its failures.
 * @param errorDetail default true
 * @param isTold whether failures of a queue are told elsewhere
 */
export function tellFailures(
  connection: Pick<Connection, 'clock' | 'warn'>,
  errorDetail = true,
  isTold: (queue: string) => boolean = () => false,
): Required<Pick<TaskListener, 'failed' | 'errorDetail'>> {
  const say = createFailureLog(connection);
  return { failed: (task, error) => isTold(task.queue) || say(task, error), errorDetail };
}

/**
 * Says what has failed here, a line for each: it may be long until anybody looks at the server. Where much fails at once, of
 * the rest it says how much that is.
 */
function createFailureLog({ clock, warn }: Pick<Connection, 'clock' | 'warn'>): Required<TaskListener>['failed'] {
  let count = 0;

  function summarize(): void {
    const left = count - MAX_LINES;
    count = 0;
    if (left > 0) warn(`${left} more tasks failed within a second`);
  }

  return (task: FailedTask, { code, message }) => {
    count += 1;
    if (count === 1) clock.after(PACE_MS, summarize);
    if (count > MAX_LINES) return;
    const words = [code, cutCharacters(lineOf(message), MAX_SHOWN)].filter(Boolean).join(': ');
    warn(`task ${task.taskId} of ${task.queue} failed, attempt ${task.attempt} of ${task.maxAttempts}: ${words}`);
  };
}
