import { timestampFromMs } from '@bufbuild/protobuf/wkt';
import { LogLevel as LogLevelCode, type LogLine } from '../gen/contact/v1/task_pb.ts';
import { ChurnMap } from '../shared/churn.ts';
import { mendText, shortenText } from '../shared/text.ts';
import * as check from './check.ts';
import type { LogLevel } from './handler.ts';

/** Lines of one attempt that are kept here until the server has its end: the newest. */
const MAX_LINES = 100;
/** Bytes of one line. */
const MAX_LINE_BYTES = 1_024;
/** Bytes of all lines that a worker keeps: the newest. */
const MAX_BYTES = 4 * 1024 * 1024;
/** A line beside its text, on the wire: ids, numbers, an instant, and the framing of two messages. */
const OVERHEAD_BYTES = 80;

const LEVELS: Readonly<Record<LogLevel, LogLevelCode>> = {
  debug: LogLevelCode.DEBUG,
  info: LogLevelCode.INFO,
  warn: LogLevelCode.WARN,
  error: LogLevelCode.ERROR,
};

const isLevel = check.oneOf(Object.keys(LEVELS));

/** What a handler has said, as it is sent. */
export interface Said {
  readonly level: LogLevel;
  readonly text: string;
}

/** @throws ContactError INVALID_ARGUMENT for a text that is no string, or for another level */
export function readSaid(text: unknown, level: unknown): Said {
  check.checkValue('text', text, check.string);
  check.checkValue('level', level, isLevel);
  return { level: level as LogLevel, text: shortenText(mendText(text as string), MAX_LINE_BYTES) };
}

interface KeptLine {
  readonly line: LogLine;
  readonly bytes: number;
}

/** Whose lines they are: a delivery. */
export interface Speaker {
  readonly key: string;
  readonly taskId: string;
  readonly delivery: number;
}

/** The newest lines of one delivery. */
export class DeliveryLog {
  readonly key: string;
  readonly taskId: string;
  readonly delivery: number;
  readonly kept: KeptLine[] = [];
  /** Its handler has ended: what is here is sent before the report. */
  hasEnded = false;
  /** How many lines there were. */
  count = 0;
  /** The number up to which lines were sent over the session of now. */
  sentTo = 0;

  constructor({ key, taskId, delivery }: Speaker) {
    this.key = key;
    this.taskId = taskId;
    this.delivery = delivery;
  }

  get hasUnsent(): boolean {
    return this.kept.length > 0 && this.kept.at(-1)!.line.number > this.sentTo;
  }

  /** The next lines to send, at most so many in so many bytes; they count as sent. */
  take(maxLines: number, maxBytes: number): { readonly lines: readonly LogLine[]; readonly bytes: number } {
    const lines: LogLine[] = [];
    let bytes = 0;
    // The newest are the unsent ones.
    let place = this.kept.findIndex(({ line }) => line.number > this.sentTo);
    for (; place >= 0 && place < this.kept.length && lines.length < maxLines; place++) {
      const one = this.kept[place]!;
      if (bytes + one.bytes > maxBytes) break;
      bytes += one.bytes;
      lines.push(one.line);
      this.sentTo = one.line.number;
    }
    return { lines, bytes };
  }
}

/**
 * What the handlers of a worker say of their tasks, until the server has the reports of these: nobody acknowledges lines, so
 * they are said again after each line that breaks, and a number counts once. Of more than may be kept the oldest go, which
 * the numbers tell.
 */
export class TaskLogs {
  readonly #now: () => number;
  readonly #onLine: (log: DeliveryLog) => void;
  readonly #logs = new ChurnMap<string, DeliveryLog>();
  #bytes = 0;

  /** @param onLine there is something to send of this log */
  constructor(now: () => number, onLine: (log: DeliveryLog) => void) {
    this.#now = now;
    this.#onLine = onLine;
  }

  add(task: Speaker, { level, text }: Said): void {
    let log = this.#logs.get(task.key);
    if (!log) {
      log = new DeliveryLog(task);
      this.#logs.set(task.key, log);
    }
    log.count += 1;
    const at = timestampFromMs(this.#now());
    const line: LogLine = { $typeName: 'contact.v1.LogLine', number: log.count, level: LEVELS[level], at, text };
    const bytes = Buffer.byteLength(text) + OVERHEAD_BYTES;
    log.kept.push({ line, bytes });
    this.#bytes += bytes;
    if (log.kept.length > MAX_LINES) this.#dropOldest(log);
    while (this.#bytes > MAX_BYTES) this.#makeRoom();
    this.#onLine(log);
  }

  /** The handler of a delivery has ended. @param isReported else the server wants nothing of it */
  end(key: string, isReported: boolean): void {
    const log = this.#logs.size === 0 ? undefined : this.#logs.get(key);
    if (!log) return;
    log.hasEnded = true;
    if (isReported) this.#onLine(log);
    else this.drop(key);
  }

  /** The server has the report of this delivery, or wants none. */
  drop(key: string): void {
    const log = this.#logs.size === 0 ? undefined : this.#logs.get(key);
    if (!log) return;
    for (const { bytes } of log.kept) this.#bytes -= bytes;
    this.#logs.delete(key);
  }

  /** Says all there is again, over a session that begins. */
  repeat(): void {
    for (const log of this.#logs.values()) {
      log.sentTo = 0;
      this.#onLine(log);
    }
  }

  #dropOldest({ kept }: DeliveryLog): void {
    this.#bytes -= kept.shift()!.bytes;
  }

  /** Drops a line of the log that has been here for longest and has any; one that has none more comes last. */
  #makeRoom(): void {
    const [log] = this.#logs.values();
    if (log!.kept.length > 0) this.#dropOldest(log!);
    if (log!.kept.length > 0) return;
    this.#logs.delete(log!.key);
    this.#logs.set(log!.key, log!);
  }
}
