import { createHash } from 'node:crypto';
import { AdminService } from '../gen/contact/v1/admin_service_pb.ts';
import { ContactError } from '../shared/errors.ts';
import { cancelCall } from './cancel.ts';
import * as check from './check.ts';
import { adviseCaller, endOf } from './closing.ts';
import type { Connection } from './connection.ts';

/** How a backup is read. */
export interface BackupOptions {
  /** Told how large the backup is, before its first piece. */
  readonly onBegin?: (bytes: number) => void;
  /** Gives it up: it ends with CANCELLED. Default: none. */
  readonly signal?: AbortSignal;
}

const RULES: check.Rules = Object.freeze({ onBegin: check.method, signal: check.signal });

/**
 * The copy of the store in pieces, in order. It has all come when this returns: a piece that was lost or changed on the
 * way makes it throw UNAVAILABLE or INTERNAL.
 */
export async function* readBackup(
  connection: Connection,
  options: BackupOptions,
): AsyncGenerator<Uint8Array, void, undefined> {
  check.checkFields(options, RULES);
  const { onBegin, signal } = options;
  const cancelled = (): ContactError => new ContactError('CANCELLED', 'the backup was given up');
  if (signal?.aborted) throw cancelled();
  const link = await connection.link();
  const call = link.client(AdminService).backUp({}, connection.metadata());
  const end = endOf(call);
  const onAbort = (): void => cancelCall(call);
  signal?.addEventListener('abort', onAbort, { once: true });
  const hash = createHash('sha256');
  let wanted = -1;
  let bytes = 0;
  let isWhole = false;
  try {
    for await (const { event } of call) {
      if (event.case === 'begin') {
        wanted = Number(event.value.bytes);
        onBegin?.(wanted);
      } else if (event.case === 'chunk') {
        hash.update(event.value);
        bytes += event.value.byteLength;
        yield event.value;
      } else if (event.case === 'end') isWhole = hash.digest().equals(event.value.sha256) && bytes === wanted;
    }
  } catch (failure) {
    throw signal?.aborted ? cancelled() : adviseCaller(ContactError.from(failure));
  } finally {
    signal?.removeEventListener('abort', onAbort);
    cancelCall(call);
  }
  const { error } = await end;
  if (signal?.aborted) throw cancelled();
  if (error) throw adviseCaller(error);
  if (!isWhole) throw new ContactError('INTERNAL', 'the backup did not come as it was sent');
}
