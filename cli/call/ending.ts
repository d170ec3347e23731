import { fromBinary, type JsonValue } from '@bufbuild/protobuf';
import { type Any, AnySchema } from '@bufbuild/protobuf/wkt';
import { status as codes, type StatusObject } from '@grpc/grpc-js';
import { remedyOf } from '../../client/closing.ts';
import { CODE_NAMES, ContactError } from '../../shared/errors.ts';
import { inFlags } from '../flags.ts';
import type { AnswerReader } from './answer.ts';
import { metadataToJson } from './metadata.ts';
import type { Types } from './types.ts';

const DETAILS_KEY = 'grpc-status-details-bin';
/** Of a durable call whose task is settled. */
const STATE_KEY = 'contact-state';

/** The status that a call ended with, as a program reads it. */
export interface Ending {
  /** `NOT_FOUND`; `OK`. */
  readonly code: string;
  readonly message: string;
  /** Of a `google.rpc.Status`; a text in base64: they could not be read. */
  readonly details: readonly JsonValue[];
  readonly trailers: Readonly<Record<string, readonly string[]>>;
}

export async function readEnding(status: StatusObject, reader: AnswerReader, types: Types): Promise<Ending> {
  return {
    code: codeName(status.code),
    // What grpc-js says of an end without words.
    message: status.code === codes.OK ? '' : status.details,
    details: await readDetails(status, reader, types),
    trailers: metadataToJson(status.metadata),
  };
}

export function codeName(code: number): string {
  return CODE_NAMES[code] ?? `code ${code}`;
}

/** For people: what a call that ran into its deadline was doing in grpc-js tells them nothing. */
export function wordsOf({ details }: StatusObject): string {
  return details.replace(/^(Deadline exceeded after [\d.]+s),.*$/s, '$1');
}

async function readDetails(
  { metadata }: StatusObject,
  reader: AnswerReader,
  { registry }: Types,
): Promise<JsonValue[]> {
  const [bytes] = metadata.get(DETAILS_KEY) as Buffer[];
  if (!bytes) return [];
  try {
    const { details } = fromBinary(registry.getMessage('google.rpc.Status')!, bytes) as unknown as { details: Any[] };
    return await Promise.all(details.map((detail) => reader.readMessage(AnySchema, detail)));
  } catch {
    return [bytes.toString('base64')];
  }
}

/** Whether a durable call ended because its task did, and for nothing on the way. */
export function isSettled({ metadata }: StatusObject): boolean {
  return metadata.get(STATE_KEY).length > 0;
}

/** What has become of the task of a durable call. */
export function fateOf(status: StatusObject): string {
  return isSettled(status) ? `is ${status.metadata.get(STATE_KEY)[0]}` : 'goes on';
}

/** What can be done about it, in words for people. */
export function advise(status: StatusObject, isDurable: boolean): string[] {
  const { code, metadata } = status;
  const error = ContactError.from(Object.assign(new Error(status.details), status));
  const remedy = remedyOf(error);
  if (remedy !== undefined) return [inFlags(remedy)];
  // The server has said so, and no callee: what is its own affair it says itself.
  if (error.code === 'PERMISSION_DENIED' && error.isMarked)
    return [
      '"contact whoami" tells what this credential may; an operator makes one that may more ("contact token create")',
    ];
  const text = (key: string): string | undefined => metadata.get(key)[0]?.toString();
  const started = text('contact-started');
  const afterMs = Number(text('contact-retry-after-ms'));
  const lines: string[] = [];
  if (started === 'no') lines.push('no client had begun it: calling again is safe');
  if (started === 'maybe') lines.push('a client may have begun it: calling again may do it twice');
  if (afterMs > 0) lines.push(`calling again makes sense after ${afterMs / 1_000} s`);
  if (isDurable) return lines;
  if (code === codes.UNAVAILABLE && started === 'no')
    lines.push('--wait 10s waits for a client, --durable keeps the call until one has answered it');
  if (code === codes.RESOURCE_EXHAUSTED && started === 'no') lines.push('--wait 10s waits until one has room');
  return lines;
}
