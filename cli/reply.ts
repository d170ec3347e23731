import { isUtf8 } from 'node:buffer';
import type { Codec, TaskFailed } from '../client/index.ts';
import { outcomeToJson } from '../json/task.ts';
import type { CommandContext } from './context.ts';
import { escapeLines } from './escape.ts';
import { CommandFailure, EXIT } from './exit.ts';

/** The result of a task that `--wait` waited for, as it came. */
export interface Reply {
  /** Undefined: not known, because the task was found under a key. */
  readonly taskId: string | undefined;
  readonly bytes: Uint8Array;
  readonly contentType: string;
}

export interface ReplyStyle {
  readonly isJson: boolean;
  /** Many results: each one ends with a line feed. */
  readonly hasLines: boolean;
}

/** Sends payloads as they are, and hands results over with their type. */
export const replyCodec: Codec<Uint8Array, Omit<Reply, 'taskId'>> = {
  contentType: 'application/octet-stream',
  encode: (value) => value,
  decode: (bytes, contentType) => ({ bytes: new Uint8Array(bytes), contentType }),
};

const LINE_FEED = 0x0a;
const NOTHING = new Uint8Array();

export async function printReply(reply: Reply, style: ReplyStyle, context: CommandContext): Promise<void> {
  const { out } = context;
  const { taskId, bytes, contentType } = reply;
  if (style.isJson) {
    await out.writeJson({ id: taskId, ...outcomeToJson({ state: 'succeeded', bytes, contentType, error: null }) });
    return;
  }
  if (out.isTerminal && !isUtf8(bytes)) {
    context.say(`${bytes.length} bytes of ${contentType || 'no type'} are not shown on a terminal: redirect stdout`);
    return;
  }
  await out.write(out.isTerminal ? escapeLines(Buffer.from(bytes).toString()) : bytes);
  if ((style.hasLines || out.isTerminal) && bytes.at(-1) !== LINE_FEED) await out.write('\n');
}

/** What ends the waiting for a task that did not succeed. */
export function failTask({ taskId: id, state, error, message }: TaskFailed): CommandFailure {
  return new CommandFailure(message, EXIT.refused, { id, code: error?.code || state.toUpperCase() });
}

/** With --json a task that was settled without a result has its line too; people read of it on stderr. */
export async function printFailure(failed: TaskFailed, style: ReplyStyle, context: CommandContext): Promise<void> {
  const { taskId, state, error } = failed;
  if (!style.isJson) return;
  await context.out.writeJson({ id: taskId, ...outcomeToJson({ state, bytes: NOTHING, contentType: '', error }) });
}
