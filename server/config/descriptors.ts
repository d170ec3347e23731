import { readFileSync } from 'node:fs';

const MOST_CONNECTIONS = 10_000;
/** Descriptors left for the store, its threads, the log and what the program around a server has open. */
const RESERVED_DESCRIPTORS = 200;

/** How many files this process may have open; undefined where the system does not tell. */
export function readDescriptorLimit(file = '/proc/self/limits'): number | undefined {
  try {
    const [, soft] = /^Max open files\s+(\d+)/m.exec(readFileSync(file, 'utf8')) ?? [];
    return soft === undefined ? undefined : Number(soft);
  } catch {
    return undefined;
  }
}

/** How many connections leave descriptors for the store; where there are few, every other one is a connection. */
export function connectionsWithin(descriptors = Number.POSITIVE_INFINITY): number {
  const left = Math.max(descriptors - RESERVED_DESCRIPTORS, Math.floor(descriptors / 2));
  return Math.max(1, Math.min(MOST_CONNECTIONS, left));
}
