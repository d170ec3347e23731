import { NAME_FORM, showMisname } from './name.ts';

/** The closed set of codes; the names are gRPC's. */
export type ErrorCode =
  | 'CANCELLED'
  | 'INVALID_ARGUMENT'
  | 'NOT_FOUND'
  | 'ALREADY_EXISTS'
  | 'PERMISSION_DENIED'
  | 'UNAUTHENTICATED'
  | 'RESOURCE_EXHAUSTED'
  | 'FAILED_PRECONDITION'
  | 'ABORTED'
  | 'OUT_OF_RANGE'
  | 'UNIMPLEMENTED'
  | 'UNAVAILABLE'
  | 'DEADLINE_EXCEEDED'
  | 'INTERNAL';

/** Names of the codes of gRPC, each at its number; the numbers are part of the wire contract. */
export const CODE_NAMES = Object.freeze([
  'OK',
  'CANCELLED',
  'UNKNOWN',
  'INVALID_ARGUMENT',
  'DEADLINE_EXCEEDED',
  'NOT_FOUND',
  'ALREADY_EXISTS',
  'PERMISSION_DENIED',
  'RESOURCE_EXHAUSTED',
  'FAILED_PRECONDITION',
  'ABORTED',
  'OUT_OF_RANGE',
  'UNIMPLEMENTED',
  'INTERNAL',
  'UNAVAILABLE',
  'DATA_LOSS',
  'UNAUTHENTICATED',
] as const satisfies readonly (ErrorCode | 'OK' | 'UNKNOWN' | 'DATA_LOSS')[]);

/** What a closed stream tells its client: why, and when it is worth coming again. */
export interface CloseAdvice {
  /** Names the reason for programs: `REPLACED`, `SERVER_SHUTDOWN`, the code of a refusal. */
  readonly reason: string;
  readonly retry: 'now' | 'backoff' | 'never';
}

/** What an error says beside its code and message. */
export interface ErrorDetail {
  /** What of the request is wrong, as its reader writes it: `cursor`, `tasks[3].queue`. */
  readonly field?: string;
  /** Which item of the request's list, from 0, when `field` lies in one. */
  readonly index?: number;
  /** Milliseconds after which trying again makes sense. */
  readonly retryAfterMs?: number;
  readonly advice?: CloseAdvice;
  readonly isMarked?: boolean;
  readonly cause?: unknown;
}

/**
 * The one error that crosses a border of this project: its message may be shown to anybody. What it is about is data
 * too (`code`, `field`, `index`), so that nothing has to be decided by its message.
 * @example
 * if (error instanceof ContactError && error.code === 'RESOURCE_EXHAUSTED') console.log(`again in ${error.retryAfterMs} ms`);
 */
export class ContactError extends Error {
  /** What kind of refusal it is: the name of a status of gRPC. */
  readonly code: ErrorCode;
  /** The message without its field. */
  readonly problem: string;
  /** What of the request is wrong: `cursor`, `tasks[3].queue`; undefined: nothing of it in particular. */
  readonly field: string | undefined;
  /** Which item of the request's list, from 0; undefined: `field` lies in no list. */
  readonly index: number | undefined;
  /** Milliseconds after which trying again makes sense; undefined: the server has named no time. */
  readonly retryAfterMs: number | undefined;
  /** What the server said about coming again; undefined: nothing beyond the code. */
  readonly advice: CloseAdvice | undefined;
  /** The status carried the mark of a contact server: no proxy has said it, and no broken connection. */
  readonly isMarked: boolean;

  constructor(code: ErrorCode, problem: string, detail: ErrorDetail = {}) {
    const message = detail.field === undefined ? problem : `${detail.field}: ${problem}`;
    super(message, detail.cause === undefined ? undefined : { cause: detail.cause });
    this.name = 'ContactError';
    this.code = code;
    this.problem = problem;
    this.field = detail.field;
    this.index = detail.index;
    this.retryAfterMs = detail.retryAfterMs;
    this.advice = detail.advice;
    this.isMarked = detail.isMarked ?? false;
  }

  /** Any thrown value as a ContactError; one that was not made to be shown becomes INTERNAL without detail. */
  static from(error: unknown): ContactError {
    if (error instanceof ContactError) return error;
    if (isServiceError(error)) return error[FAULT] ?? fromServiceError(error);
    return new ContactError('INTERNAL', 'internal error', { cause: error });
  }
}

/** Metadata keys of every status but OK; the wire contract is in proto/contact/v1/contact.proto. */
export const REASON_KEY = 'contact-reason';
export const RETRY_KEY = 'contact-retry';
export const RETRY_AFTER_KEY = 'contact-retry-after-ms';
/** Metadata keys of a refusal: what of the request is wrong, and which item of its list from 0. */
export const FIELD_KEY = 'contact-field';
export const INDEX_KEY = 'contact-index';

/** Where the status of a call that could not be made has its error, if more is known of it than a status can say. */
export const FAULT = Symbol('fault');

/** A code as it stands in messages that tell of errors. */
export function codeNumber(code: (typeof CODE_NAMES)[number]): number {
  return CODE_NAMES.indexOf(code);
}

const MAX_TEXT_LENGTH = 1_024;
const MAX_ENCODED_LENGTH = 4_096;
/** A UTF-16 unit becomes at most three bytes, each of them `%xx`. */
const MAX_ENCODED_UNIT = 9;
const CUT = '...';

/**
 * A text as a status may carry it. Trailers have a limit, with many clients 8 KiB for all of them, and a text beyond it
 * ends the whole connection with every other call on it; what the text quotes has no limit of its own. Half a
 * surrogate pair cannot be encoded at all.
 */
export function statusText(text: string): string {
  if (text.length * MAX_ENCODED_UNIT <= MAX_ENCODED_LENGTH) return text.toWellFormed();
  const start = text.slice(0, MAX_TEXT_LENGTH + 1).toWellFormed();
  if (text.length <= MAX_TEXT_LENGTH && encodeURI(start).length <= MAX_ENCODED_LENGTH) return start;
  let cut = '';
  let encodedLength = 0;
  for (const character of start) {
    encodedLength += encodeURI(character).length;
    if (encodedLength > MAX_ENCODED_LENGTH - CUT.length) break;
    if (cut.length + character.length > MAX_TEXT_LENGTH - CUT.length) break;
    cut += character;
  }
  return cut + CUT;
}

/** An error of a call as grpc-js makes it. This file knows its form and not the library: the rules of tasks need errors. */
interface ServiceError extends Error {
  readonly code: number;
  readonly details: string;
  readonly metadata?: { get(key: string): readonly (string | Buffer)[] };
  readonly [FAULT]?: ContactError;
}

function isServiceError(error: unknown): error is ServiceError {
  return error instanceof Error && 'code' in error && typeof error.code === 'number' && 'details' in error;
}

/**
 * How grpc-js spells ENHANCE_YOUR_CALM of a reset or a GOAWAY (`too_many_pings`); our server's status never says it.
 */
const CALM_DETAILS = 'Bandwidth exhausted or memory limit exceeded';

/** Whether the other end broke the connection because of too many pings or too much traffic. */
export function asksForCalm({ cause }: ContactError): boolean {
  return isServiceError(cause) && cause.details === CALM_DETAILS;
}

function fromServiceError(error: ServiceError): ContactError {
  // The connection was broken, and no limit of the caller was reached: the code of grpc-js would say the opposite.
  if (error.details === CALM_DETAILS) {
    const problem = 'the connection was closed with ENHANCE_YOUR_CALM (too many pings?)';
    return new ContactError('UNAVAILABLE', problem, { cause: error });
  }
  const name = CODE_NAMES[error.code];
  const code: ErrorCode =
    name === undefined || name === 'OK' || name === 'UNKNOWN' || name === 'DATA_LOSS' ? 'INTERNAL' : name;
  const text = (key: string): string | undefined => error.metadata?.get(key)[0]?.toString();
  const reason = text(REASON_KEY);
  const retry = text(RETRY_KEY);
  const after = Number(text(RETRY_AFTER_KEY));
  const said = plainWords(error.details || error.message);
  const field = text(FIELD_KEY);
  const isNamed = field !== undefined && said.startsWith(`${field}: `);
  const index = Number(text(INDEX_KEY));
  return new ContactError(code, isNamed ? said.slice(field.length + 2) : said, {
    cause: error,
    ...(isNamed ? { field } : {}),
    ...(Number.isSafeInteger(index) && text(INDEX_KEY) ? { index } : {}),
    ...(Number.isFinite(after) ? { retryAfterMs: after } : {}),
    isMarked: Boolean(reason),
    // A reason that is the code's own name adds nothing to it, but for what is full for now and what is too large.
    ...(reason && isRetry(retry) && (reason !== name || isTooLarge(name, retry)) ? { advice: { reason, retry } } : {}),
  });
}

export function isRetry(text: string | undefined): text is CloseAdvice['retry'] {
  return text === 'now' || text === 'backoff' || text === 'never';
}

/**
 * What the socket said, out of the text about itself that grpc-js wraps it in. For people: nothing is decided by it.
 */
export function plainWords(text: string): string {
  return /^No connection established\. Last error: (?:Error: )?(.*?)\. Resolution note: .*$/s.exec(text)?.[1] ?? text;
}

/** What whoever sent no credential, or one that is not known, may do in a program; a command names its flags instead. */
export const CREDENTIAL_OPTIONS =
  'the options token, tokenFile and join are for that. A credential file that the server has lost, as when its store was ' +
  'restored, is to be moved away, and its client to enrol anew';

/** The refusal of a field whose value is wrong. */
export function invalid(field: string, problem: string): ContactError {
  return new ContactError('INVALID_ARGUMENT', problem, { field });
}

/** The refusal of what is larger than any may be: the same is never taken, while what is full now may be empty soon. */
export function tooLarge(problem: string, detail: Pick<ErrorDetail, 'field' | 'index'> = {}): ContactError {
  const advice = { reason: 'RESOURCE_EXHAUSTED', retry: 'never' } as const;
  return new ContactError('RESOURCE_EXHAUSTED', problem, { ...detail, advice });
}

function isTooLarge(code: string, retry: CloseAdvice['retry']): boolean {
  return code === 'RESOURCE_EXHAUSTED' && retry === 'never';
}

/** The refusal of a queue's or a client's name. */
export function invalidName(field: string, text: string): ContactError {
  return invalid(field, `expected ${NAME_FORM}, got ${showMisname(text)}`);
}

/** The refusal of one task of a list: `tasks[3].queue: …`. */
export function refuseTask(
  code: ErrorCode,
  index: number,
  field: string,
  problem: string,
  detail: Pick<ErrorDetail, 'retryAfterMs' | 'cause'> = {},
): ContactError {
  return new ContactError(code, problem, { ...detail, field: `${placeOf(index)}.${field}`, index });
}

/** The same refusal, which names the item of the request's list that it is about. */
export function withIndex({ code, problem, field, retryAfterMs, cause }: ContactError, index: number): ContactError {
  return new ContactError(code, problem, {
    index,
    ...(field === undefined ? {} : { field }),
    ...(retryAfterMs === undefined ? {} : { retryAfterMs }),
    ...(cause === undefined ? {} : { cause }),
  });
}

/** The refusal of a task in a list, said of the task that `place` names instead: its caller knows of no list. */
export function nameTask(error: ContactError, place: string): ContactError {
  const { code, problem, field, index, retryAfterMs } = error;
  if (field === undefined || index === undefined) return error;
  const detail = { field: place + field.slice(placeOf(index).length), cause: error };
  return new ContactError(code, problem, retryAfterMs === undefined ? detail : { ...detail, retryAfterMs });
}

function placeOf(index: number): string {
  return `tasks[${index}]`;
}
