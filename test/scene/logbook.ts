import type { Logger } from '../../shared/logger.ts';

/** A line of a log, its fields beside its message. */
export interface LogLine extends Readonly<Record<string, unknown>> {
  readonly level: keyof Logger;
  readonly message: string;
}

/** A logger that keeps what it is told. */
export interface Logbook extends Logger {
  readonly lines: readonly LogLine[];
  /** The messages, in order. */
  messages(): string[];
  /** Lines of operators' acts. */
  audits(): LogLine[];
}

export function createLogbook(): Logbook {
  const lines: LogLine[] = [];
  const keep =
    (level: keyof Logger) =>
    (fields: object, message: string): void =>
      void lines.push({ ...fields, level, message });
  return {
    info: keep('info'),
    warn: keep('warn'),
    error: keep('error'),
    lines,
    messages: () => lines.map(({ message }) => message),
    audits: () => lines.filter(({ audit }) => audit === true),
  };
}
