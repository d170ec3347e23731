import { closeSync, openSync } from 'node:fs';
import { crc32 } from 'node:zlib';
import { fromBinary, toBinary } from '@bufbuild/protobuf';
import { FailedSchema, SucceededSchema } from '../gen/contact/v1/contact_pb.ts';
import { ChurnMap, ChurnSet } from '../shared/churn.ts';
import type { Clock } from '../shared/clock.ts';
import { ContactError } from '../shared/errors.ts';
import type { Logger } from './options.ts';
import { deliveryKey, type Report, type ReportStore } from './outbox.ts';
import { openSpoolFile, type SpoolRow, type SpoolSession } from './spoolfile.ts';
import { oncePerTurn } from './turn.ts';

export interface SpoolOptions {
  readonly path: string;
  /** The worker's id, if it was given one: the file must not have results of another client. */
  readonly clientId: string | undefined;
  /** Bytes of reports that this file may hold; default 256 MiB. */
  readonly maxBytes: number | undefined;
  readonly clock: Clock;
  readonly logger: Logger;
}

/**
 * Results and failures that the server has not acknowledged, in a file, with the session that they belong to; so a
 * worker that starts again after its process was killed goes on where that ended. What is put is written at the end
 * of the turn, without fsync: it survives the death of the process. Loss of power may cost the newest, and then their
 * tasks run again, as they would without a file.
 */
export interface Spool extends ReportStore {
  /** The client whose results the file had when it was opened; null: it had none, or those of another client. */
  readonly clientId: string | null;
  readonly sessionId: string | null;
  /** The reports that the file had when it was opened, oldest first. */
  readonly reports: readonly Report[];
  /** The newest session: the one that a next process resumes. */
  remember(clientId: string, sessionId: string): void;
  /** Writes what waits for the end of the turn. */
  flush(): void;
  close(): void;
}

const MAX_BYTES = 256 * 1024 * 1024;
/** A file that holds nothing any more and has taken so much is made small again. */
const COMPACT_BYTES = 1024 * 1024;
/** How long after a write that failed the next one is tried. */
const RETRY_MS = 1_000;

/**
 * FAILED_PRECONDITION: another worker has the file, or it is another client's, or no spool.
 * INVALID_ARGUMENT: no such path.
 */
export function openSpool({ path, clientId, maxBytes = MAX_BYTES, clock, logger }: SpoolOptions): Spool {
  createPrivate(path);
  const file = openSpoolFile(path);
  const found = file.session();
  const isOurs = clientId === undefined || found === null || found.clientId === clientId;
  // Bounded by the credit, as the outbox is.
  const puts = new ChurnMap<string, Report>();
  const drops = new ChurnSet<string>();
  let news: SpoolSession | null = null;
  /** Bytes of each report that the file has, by delivery. */
  const sizes = new ChurnMap<string, number>();
  let bytes = 0;
  let writtenBytes = 0;
  let isFull = false;
  let cancelRetry: (() => void) | null = null;
  let isClosed = false;

  function read(): Report[] {
    const reports: Report[] = [];
    for (const row of file.rows()) {
      const report = decode(row);
      if (report) {
        reports.push(report);
        count(row.key, row.message.byteLength);
      } else {
        logger.warn(`spool ${path}: the result of ${row.key} is damaged; its task runs again`);
        drops.add(row.key);
      }
    }
    return reports;
  }

  function count(key: string, size: number): void {
    bytes += size - (sizes.get(key) ?? 0);
    sizes.set(key, size);
  }

  function flush(): void {
    if (cancelRetry || isClosed) return;
    let leftBytes = maxBytes - bytes;
    for (const key of drops) leftBytes += sizes.get(key) ?? 0;
    const rows: SpoolRow[] = [];
    for (const [key, report] of puts) {
      const row = encode(key, report);
      if (row.message.byteLength > leftBytes) continue;
      leftBytes -= row.message.byteLength;
      rows.push(row);
    }
    const isNothing = rows.length === 0 && drops.size === 0 && !news;
    if (!isNothing && !write(() => file.change({ drops, rows, session: news }))) return;
    news = null;
    for (const key of drops) {
      bytes -= sizes.get(key) ?? 0;
      sizes.delete(key);
    }
    drops.clear();
    for (const { key, message } of rows) {
      puts.delete(key);
      count(key, message.byteLength);
      writtenBytes += message.byteLength;
    }
    tellFull();
    if (sizes.size === 0 && writtenBytes > COMPACT_BYTES) {
      writtenBytes = 0;
      write(() => file.compact());
    }
  }

  /** Where the file cannot be written the worker goes on: its results are then in memory alone. */
  function write(change: () => void): boolean {
    try {
      change();
      return true;
    } catch (error) {
      logger.warn(`spool ${path}: ${messageOf(error)}; results are kept in memory until it can be written`);
      cancelRetry = clock.after(RETRY_MS, () => {
        cancelRetry = null;
        flush();
      });
      return false;
    }
  }

  function tellFull(): void {
    if (isFull === puts.size > 0) return;
    isFull = puts.size > 0;
    if (isFull) logger.warn(`spool ${path}: ${maxBytes} bytes are full; results beyond are kept in memory`);
    else logger.info(`spool ${path}: has room again`);
  }

  const flushSoon = oncePerTurn(flush);

  let reports: Report[];
  try {
    reports = file.guard(read);
    if (!isOurs && reports.length > 0) {
      throw new ContactError(
        'FAILED_PRECONDITION',
        `${path} has results of client ${found.clientId}, and this worker is ${clientId}`,
        { field: 'spool' },
      );
    }
  } catch (error) {
    file.close();
    throw error;
  }
  if (reports.length > 0) logger.info(`spool ${path}: ${reports.length} results to deliver`);

  return {
    clientId: isOurs ? (found?.clientId ?? null) : null,
    sessionId: isOurs ? (found?.sessionId ?? null) : null,
    reports,
    remember(client, session) {
      news = { clientId: client, sessionId: session };
      flush();
    },
    put(report) {
      // A task of any other report goes back to the queue by itself when its session comes back without it.
      if (report.kind !== 'succeeded' && report.kind !== 'failed') return;
      puts.set(deliveryKey(report.message), report);
      flushSoon();
    },
    drop(key) {
      const wasWaiting = puts.delete(key);
      if (sizes.has(key)) drops.add(key);
      if (sizes.has(key) || wasWaiting) flushSoon();
    },
    flush,
    close() {
      flush();
      isClosed = true;
      cancelRetry?.();
      file.close();
    },
  };
}

function encode(key: string, report: Report): SpoolRow {
  const message =
    report.kind === 'succeeded'
      ? toBinary(SucceededSchema, report.message)
      : report.kind === 'failed'
        ? toBinary(FailedSchema, report.message)
        : new Uint8Array();
  return { key, kind: report.kind, message, checksum: crc32(message) };
}

/** The report of a row; null: the row is not what was written. */
function decode({ key, kind, message, checksum }: SpoolRow): Report | null {
  if (crc32(message) !== checksum) return null;
  let report: Report;
  try {
    if (kind === 'succeeded') report = { kind, message: fromBinary(SucceededSchema, message) };
    else if (kind === 'failed') report = { kind, message: fromBinary(FailedSchema, message) };
    else return null;
  } catch {
    return null;
  }
  return deliveryKey(report.message) === key ? report : null;
}

/** Results and a session's secret are for this user alone. */
function createPrivate(path: string): void {
  try {
    closeSync(openSync(path, 'wx', 0o600));
  } catch (error) {
    if (error instanceof Error && 'code' in error && error.code === 'EEXIST') return;
    throw new ContactError('INVALID_ARGUMENT', `${messageOf(error)}`, { field: 'spool', cause: error });
  }
}

function messageOf(error: unknown): string {
  return error instanceof Error ? error.message : String(error);
}
