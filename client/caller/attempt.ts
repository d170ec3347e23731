import { type Metadata, type StatusObject, status } from '@grpc/grpc-js';
import type { Connection, Link } from '../connection.ts';
import type { Life } from './life.ts';
import type { Wanted } from './options.ts';
import type { Requests } from './requests.ts';
import { addPairs, openWire } from './wire.ts';

/** The longest deadline that the timers of a call can count: 24 days. */
const MAX_CALL_MS = 24 * 24 * 60 * 60 * 1_000;

/** A call that is to be made, however often that takes. */
export interface Plan {
  readonly connection: Connection;
  /** `/pkg.Service/Method` */
  readonly path: string;
  readonly wanted: Wanted;
  readonly life: Life;
}

export interface AttemptOptions {
  readonly link: Link;
  readonly requests: Requests;
  /** Metadata for the server, beside that of the caller. */
  readonly entries: Readonly<Record<string, string>>;
  readonly onHeaders?: (headers: Metadata) => void;
}

/** Makes a call once: yields the bytes of what is answered, and answers the status. Throws what the caller's program has thrown. */
export async function* attempt(
  { connection, path, wanted, life }: Plan,
  { link, requests, entries, onHeaders }: AttemptOptions,
): AsyncGenerator<Buffer, StatusObject, undefined> {
  const leftMs = life.leftMs();
  let thrown: { readonly error: unknown } | undefined;
  const wire = openWire({
    link,
    path,
    metadata: addPairs(connection.metadata(entries), wanted.pairs),
    deadlineMs: leftMs === undefined ? undefined : Math.max(1, Math.min(leftMs, MAX_CALL_MS)),
    onHeaders(headers) {
      link.worked();
      try {
        onHeaders?.(headers);
        wanted.onHeaders?.(headers);
      } catch (error) {
        thrown = { error };
        wire.cancel();
      }
    },
  });
  const onAbort = (): void => wire.cancel();
  life.signal.addEventListener('abort', onAbort, { once: true });
  try {
    requests.send(wire, link.connected);
    for await (const message of wire.messages()) {
      if (life.end) break;
      yield message;
    }
    if (life.end) wire.cancel();
    const end = await wire.ended;
    const failed = thrown ?? requests.failure;
    if (failed) throw failed.error;
    wanted.onTrailers?.(end.metadata);
    if (end.code === status.OK) link.worked();
    return life.end ?? end;
  } finally {
    life.signal.removeEventListener('abort', onAbort);
    wire.cancel();
  }
}

/** The end of a call whose time is over, with what is known of why. */
export function explainEnd(end: StatusObject, { server, trouble }: Connection): StatusObject {
  if (end.code !== status.DEADLINE_EXCEEDED || !trouble) return end;
  return { ...end, details: `${end.details}: ${server} cannot be reached: ${trouble.message}` };
}
