import type { TaskContext } from './task.ts';

/** Turns of the event loop after which a word has been gathered, framed and written; with some to spare. */
const WORD_TURNS = 8;

/**
 * Waits until the word of a task's start has left this process, if it has to before the handler is entered, in case
 * that kills the process: once started, a task with one attempt is never run again; and a task whose deliveries have
 * ended and burnt nothing might be one that kills each process before a word of it has left, for ever.
 */
export function holdForWord({ attempt, delivery, maxAttempts }: TaskContext): Promise<void> | undefined {
  return maxAttempts === 1 || delivery > attempt ? passTurns(WORD_TURNS) : undefined;
}

async function passTurns(count: number): Promise<void> {
  for (let turn = 0; turn < count; turn += 1) await new Promise((resolve) => setImmediate(resolve));
}
