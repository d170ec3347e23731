import type { Clock } from '../shared/clock.ts';
import type { Logger } from '../shared/logger.ts';
import { createPacedLog } from '../shared/pacedlog.ts';
import { type Audit, createAudit } from './api/audit.ts';
import { createJournal, type Journal } from './session/journal.ts';
import { createRefusalLog, type TellRefusal } from './transport/refused.ts';

/** What the parts of a server tell people. */
export interface Logs {
  readonly audit: Audit;
  /** Of clients. */
  readonly journal: Journal;
  readonly tellRefusal: TellRefusal;
  pruned(count: number): void;
  /** Says what was left out until now, and that the server has ended. */
  close(): void;
}

/** Whoever comes and goes, or knocks, is not to fill the disk: what they cause has a pace. */
export function createLogs(logger: Logger, clock: Clock): Logs {
  const lifecycle = createPacedLog({ logger, clock, linesPerSecond: 100, burst: 1_000 });
  const refusals = createPacedLog({ logger, clock, linesPerSecond: 1, burst: 20 });
  const told = asAudit(logger);
  const others = createPacedLog({ logger: told, clock, linesPerSecond: 100, burst: 1_000 });
  const vain = createPacedLog({ logger: told, clock, linesPerSecond: 1, burst: 20 });
  return {
    audit: createAudit({ done: logger, others, vain }),
    journal: createJournal(lifecycle),
    tellRefusal: createRefusalLog(refusals),
    pruned: (count) => logger.info({ count }, 'settled tasks were pruned'),
    close() {
      lifecycle.close();
      refusals.close();
      others.close();
      vain.close();
      logger.info({}, 'stopped');
    },
  };
}

/** What is said of lines that were left out of the audit log is a line of it. */
function asAudit(logger: Logger): Logger {
  const mark =
    (level: keyof Logger) =>
    (fields: object, message: string): void =>
      logger[level]({ audit: true, ...fields }, message);
  return { info: mark('info'), warn: mark('warn'), error: mark('error') };
}
