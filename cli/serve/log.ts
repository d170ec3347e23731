import { pino } from 'pino';
import type { Logger } from '../../server/index.ts';
import { hideSecrets } from '../../shared/redact.ts';
import { escapeLine } from '../escape.ts';
import { createStderrSink, type FileSink, openFileSink } from './sink.ts';

/** The log of a server that runs as a command. */
export interface ServerLog extends Logger {
  /** `debug` … `silent`. */
  level: string;
  /**
   * Opens the file of the audit log anew, or another one; it is written to once it is taken. Throws what keeps it from being
   * opened.
   */
  openAudit(path: string | undefined): OpenedAudit;
}

interface OpenedAudit {
  take(): void;
  /** The one before goes on. */
  leave(): void;
}

export interface LogOptions {
  readonly level: string;
  /** What operators do is written here too, whatever the level. */
  readonly auditLog: string | undefined;
}

/** The server's log on stderr: JSON lines for programs, short lines when a person looks on. */
export function createLog({ level, auditLog }: LogOptions): ServerLog {
  const sink = createStderrSink();
  const show = process.stderr.isTTY ? formatRecord : (line: string) => line;
  // Names and ids in it are those of callers, who may have put a secret there.
  const log = pino({ level, base: null }, { write: (line: string) => sink.write(show(hideSecrets(line))) });
  let audit: FileSink | undefined;
  const auditor = pino({ base: null }, { write: (line: string) => audit?.write(hideSecrets(line)) });

  const tell =
    (severity: keyof Logger) =>
    (fields: object, message: string): void => {
      log[severity](fields, message);
      // How many lines were left out is one of the audit log, and a warning.
      if (audit && 'audit' in fields) auditor[severity](fields, message);
    };

  const opened: ServerLog = {
    get level() {
      return log.level;
    },
    set level(next) {
      log.level = next;
    },
    info: tell('info'),
    warn: tell('warn'),
    error: tell('error'),
    openAudit(path) {
      const next = path === undefined ? undefined : openFileSink(path);
      return {
        take() {
          next?.follow(audit?.dropped ?? 0);
          audit?.close();
          audit = next;
        },
        leave: () => next?.close(),
      };
    },
  };
  opened.openAudit(auditLog).take();
  return opened;
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
