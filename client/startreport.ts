import type { TaskContext } from './handler.ts';

/** Turns of the event loop after which a report has been gathered, framed and written; with some to spare. */
const REPORT_TURNS = 8;

/**
 * Waits until the report that a task has started has left this process, where that has to come before its handler is
 * entered, which may kill the process. It has to for a task with one attempt, which is never run again once it has
 * started; and for a task with deliveries that ended and burnt no attempt, which may be one that kills each process
 * before its start is reported, for ever. undefined: the handler may be entered in this turn.
 */
export function awaitStartReport({ attempt, delivery, maxAttempts }: TaskContext): Promise<void> | undefined {
  return maxAttempts === 1 || delivery > attempt ? passTurns(REPORT_TURNS) : undefined;
}

async function passTurns(count: number): Promise<void> {
  for (let turn = 0; turn < count; turn += 1) await new Promise((resolve) => setImmediate(resolve));
}
