import { closeSync, openSync, readFileSync, writeSync } from 'node:fs';

/** What the programs of these tests have done, told by themselves. */
export type Entry = Sent | Acknowledged | Run;

/** Handed to the SDK. */
export interface Sent {
  readonly kind: 'sent';
  readonly input: number;
}

export interface Acknowledged {
  readonly kind: 'acknowledged';
  readonly input: number;
  readonly id: string;
}

/** A handler was entered, or came to its end. */
export interface Run {
  readonly kind: 'began' | 'ended';
  readonly input: number;
  readonly id: string;
  readonly delivery: number;
  /** Its name in the order. */
  readonly worker: string;
  /** Wall clock, milliseconds. */
  readonly at: number;
}

/** A file that keeps what was written when its writer is killed the next moment. */
export interface Journal {
  /** Not after `close()`: the handlers of a worker that was stopped may go on. */
  write(entries: readonly Entry[]): void;
  close(): void;
}

export function openJournal(path: string): Journal {
  // Once it is closed, its number is the next file's or connection's.
  let file: number | null = openSync(path, 'a');
  return {
    write: (entries) => {
      if (file === null || entries.length === 0) return;
      writeSync(file, entries.map((entry) => `${JSON.stringify(entry)}\n`).join(''));
    },
    close: () => {
      if (file !== null) closeSync(file);
      file = null;
    },
  };
}

/** Every whole line; a last one that was cut off is left out. */
export function readJournal(path: string): Entry[] {
  const text = readFileSync(path, 'utf8');
  return text
    .slice(0, text.lastIndexOf('\n') + 1)
    .split('\n')
    .filter((line) => line !== '')
    .map((line) => JSON.parse(line) as Entry);
}

/** Runs that have begun and not ended. */
export function findRunning(entries: readonly Entry[]): Run[] {
  const running = new Map<string, Run>();
  for (const entry of entries) {
    if (entry.kind === 'began') running.set(`${entry.id} ${entry.delivery}`, entry);
    if (entry.kind === 'ended') running.delete(`${entry.id} ${entry.delivery}`);
  }
  return [...running.values()];
}
