import { pino, type Logger as ServerLog } from 'pino';
import { escapeLine } from './escape.ts';

export type { ServerLog };

/** How much of the log is buffered while stderr takes nothing; further records are dropped. */
const MAX_UNWRITTEN_BYTES = 2 ** 20;

/** The server's log on stderr: JSON lines for programs, short lines when a person looks on. */
export function createLog(level: string): ServerLog {
  const stderr = pino.destination({ fd: 2, sync: true, maxLength: MAX_UNWRITTEN_BYTES });
  // A full disk under the log, or a pipe that nobody reads any more, is no reason to serve no tasks.
  stderr.on('error', () => undefined);
  if (!process.stderr.isTTY) return pino({ level, base: null }, stderr);
  return pino({ level, base: null }, { write: (record: string) => void stderr.write(formatRecord(record)) });
}

/** `14:03:59.120 warn  session lost  client=a:1 delivery=2` for a pino record. */
function formatRecord(record: string): string {
  const { level, time, msg, ...fields } = JSON.parse(record) as Record<string, unknown>;
  const clock = new Date(Number(time)).toISOString().slice(11, 23);
  const label = (pino.levels.labels[Number(level)] ?? '').padEnd(5);
  const rest = Object.entries(fields).map(([key, value]) => `  ${escapeLine(key)}=${describeField(value)}`);
  return `${clock} ${label} ${escapeLine(String(msg ?? ''))}${rest.join('')}\n`;
}

function describeField(value: unknown): string {
  return escapeLine(typeof value === 'string' ? value : JSON.stringify(value));
}
