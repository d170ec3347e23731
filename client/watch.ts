import { TaskService, type WatchTaskResponse } from '../gen/contact/v1/task_service_pb.ts';
import { ContactError } from '../shared/errors.ts';
import { cancelCall } from './cancel.ts';
import * as check from './check.ts';
import { adviseCaller, endOf } from './closing.ts';
import type { Connection } from './connection.ts';

const RULES: check.Rules = Object.freeze({ signal: check.signal });

/** What happens to one task, until it is settled or the signal ends it. */
export async function* readTask(
  connection: Connection,
  id: string,
  given: { readonly signal?: AbortSignal },
): AsyncGenerator<WatchTaskResponse, void, undefined> {
  check.checkValue('id', id, check.text);
  check.checkFields(given, RULES);
  const { signal } = given;
  const link = await connection.link();
  const stream = link.client(TaskService).watchTask({ id }, connection.metadata());
  const end = endOf(stream);
  const onAbort = (): void => cancelCall(stream);
  signal?.addEventListener('abort', onAbort, { once: true });
  try {
    if (signal?.aborted) return;
    // One without an event says that the server is there.
    for await (const message of stream) if (message.event.case !== undefined) yield message;
    const { error } = await end;
    if (error) throw error;
  } catch (failure) {
    if (!signal?.aborted) throw adviseCaller(ContactError.from(failure));
  } finally {
    signal?.removeEventListener('abort', onAbort);
    cancelCall(stream);
  }
}
