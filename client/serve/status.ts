import { Buffer } from 'node:buffer';
import { Metadata, status } from '@grpc/grpc-js';
import { describeThrown } from '../../shared/describe.ts';
import { ContactError, statusText } from '../../shared/errors.ts';
import { type End, NO_DETAILS, type Pair, plainEnd } from '../../tunnel/frame.ts';
import { refuseMetadata, withoutOurs } from '../../tunnel/metadata.ts';
import type { Logger } from '../options.ts';

/** What servers of grpc-js say beside the code 0. */
const OK = 'OK';
const PLAIN_END = plainEnd(0, OK);
const DETAILS_KEY = 'grpc-status-details-bin';

/** Metadata as a tunnel has it. */
export function pairsOf(metadata: Metadata): Pair[] {
  return Object.entries(metadata.toJSON()).flatMap(([key, values]) => values.map((value) => ({ key, value })));
}

export function metadataOf(pairs: readonly Pair[]): Metadata {
  const metadata = new Metadata();
  for (const { key, value } of pairs) metadata.add(key, value);
  return metadata;
}

/** The end of a call whose handler has answered, or has thrown `error`. */
export function endOf(trailers: Metadata | undefined, error?: unknown): End {
  if (!trailers && error === undefined) return PLAIN_END;
  const { code, message, thrown } =
    error === undefined ? { code: 0, message: OK, thrown: undefined } : readThrown(error);
  const all = [...(trailers ? pairsOf(trailers) : []), ...(thrown ? pairsOf(thrown) : [])];
  const details = all.find(({ key }) => key === DETAILS_KEY)?.value;
  // A handler may throw on what a call through the server came to: whether that one had begun says nothing of its own.
  const pairs = withoutOurs(all).filter(({ key }) => key !== DETAILS_KEY);
  const statusDetails = Buffer.isBuffer(details) ? details : NO_DETAILS;
  const problem = refuseMetadata(pairs, true);
  if (problem === undefined) return { code, message: statusText(message), statusDetails, trailers: pairs };
  return {
    code: status.INTERNAL,
    message: `metadata for trailers: ${problem}`,
    statusDetails: NO_DETAILS,
    trailers: [],
  };
}

/** Whether a handler meant what it has thrown to be a status: of anything else people have to learn where it came from. */
function isMeant(error: unknown): boolean {
  return error instanceof ContactError || isCode((error as { code?: unknown } | null | undefined)?.code);
}

function isCode(code: unknown): code is number {
  return typeof code === 'number' && Number.isInteger(code) && code > 0 && code <= 16;
}

/** Says where a handler has failed, if it did not mean to. */
export function tellFailure(logger: Logger, method: string, error: unknown): void {
  if (isMeant(error)) return;
  const words = (error instanceof Error ? error.stack : undefined) ?? describeThrown(error);
  logger.warn(`the handler of ${method} has failed: ${words}`);
}

interface Thrown {
  readonly code: number;
  readonly message: string;
  readonly thrown: Metadata | undefined;
}

/** By data alone: a ContactError by its name of a code, what has a code of gRPC by that, all else is UNKNOWN. */
function readThrown(error: unknown): Thrown {
  if (error instanceof ContactError) return { code: status[error.code], message: error.message, thrown: undefined };
  const { code, details, metadata } = (error ?? {}) as { code?: unknown; details?: unknown; metadata?: unknown };
  const words = error instanceof Error ? error.message : String(error);
  return {
    code: isCode(code) ? code : status.UNKNOWN,
    message: isCode(code) && typeof details === 'string' ? details : words,
    thrown: metadata instanceof Metadata ? metadata : undefined,
  };
}
