import type { MessageInitShape } from '@bufbuild/protobuf';
import type { ClientReadableStream, StatusObject } from '@grpc/grpc-js';
import type { ResultEvent, WatchResultsRequestSchema, WatchResultsResponse } from '../../gen/index.ts';
import { statusOf } from './raw-worker.ts';
import { atEnd, type Clients, until } from './scene.ts';

export interface RawObserver {
  readonly events: readonly ResultEvent[];
  /** Of each message. */
  readonly cursors: readonly string[];
  readonly stream: ClientReadableStream<WatchResultsResponse>;
  readonly ended: Promise<StatusObject>;
  receive(count: number): Promise<readonly ResultEvent[]>;
  /** Ends it from this side and waits for that. */
  cancel(): Promise<void>;
}

export function openObserver(
  { tasks }: Clients,
  request: MessageInitShape<typeof WatchResultsRequestSchema> = {},
): RawObserver {
  const events: ResultEvent[] = [];
  const cursors: string[] = [];
  const stream = tasks.watchResults(request);
  const ended = statusOf(stream);
  stream.on('data', (message: WatchResultsResponse) => {
    events.push(...message.events);
    cursors.push(message.cursor);
  });
  atEnd(() => stream.cancel());
  return {
    events,
    cursors,
    stream,
    ended,
    async receive(count) {
      await until(`${count} events`, () => events.length >= count);
      return events;
    },
    async cancel() {
      stream.cancel();
      await ended;
    },
  };
}

/** The place in the log that a cursor names. */
export const positionOf = (cursor: string): number => Number(cursor.slice(cursor.lastIndexOf('.') + 1));
