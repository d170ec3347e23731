import { Metadata, type StatusObject } from '@grpc/grpc-js';
import { type classic, TaskState } from '../../gen/index.ts';
import { type Clients, describeTask } from './clients.ts';
import { atEnd } from './end.ts';
import { until } from './until.ts';
import { statusOf } from './worker.ts';

export interface ClassicWorker {
  readonly texts: readonly string[];
  readonly ended: Promise<StatusObject>;
  receive(count: number): Promise<readonly string[]>;
  cancel(): void;
}

export interface ClassicResults {
  /** The answer of the call, or what it was refused with. */
  readonly ended: Promise<StatusObject>;
  tell(text: string): void;
  end(): Promise<StatusObject>;
  cancel(): void;
}

/** `contact-client` and whatever else a classic client may say. */
export function writeMetadata(pairs: Readonly<Record<string, string>> = {}): Metadata {
  const metadata = new Metadata();
  for (const [key, value] of Object.entries(pairs)) metadata.set(key, value);
  return metadata;
}

export function openGetTask(
  { classic: contact }: Clients,
  pairs: Readonly<Record<string, string>> = {},
): ClassicWorker {
  const texts: string[] = [];
  const stream = contact.getTask({}, writeMetadata(pairs));
  const ended = statusOf(stream);
  stream.on('data', ({ task }: classic.ServerMsg) => texts.push(task));
  atEnd(() => stream.cancel());
  return {
    texts,
    ended,
    async receive(count) {
      await until(`${count} tasks`, () => texts.length >= count);
      return texts;
    },
    cancel: () => stream.cancel(),
  };
}

export function openTellResult(
  { classic: contact }: Clients,
  pairs: Readonly<Record<string, string>> = {},
): ClassicResults {
  const stream = contact.tellResult(writeMetadata(pairs), {}, () => undefined);
  const ended = statusOf(stream);
  atEnd(() => stream.cancel());
  return {
    ended,
    tell: (ret) => void stream.write({ ret }),
    end() {
      stream.end();
      return ended;
    },
    cancel: () => stream.cancel(),
  };
}

/** A task of the queue that classic clients are served from. */
export const text = (value: string) => ({ queue: 'default', payload: Buffer.from(value) });

export async function resultOf(clients: Clients, id: string): Promise<string> {
  await until('a result', async () => (await describeTask(clients, id)).state === TaskState.SUCCEEDED);
  return Buffer.from((await describeTask(clients, id)).result).toString();
}
