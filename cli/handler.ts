import { TaskFailure, TaskRelease } from '../client/failure.ts';
import type { Codec, TaskContext } from '../client/index.ts';
import type { Problem } from '../json/error.ts';
import { type ChildEnd, runChild } from './child.ts';
import type { CommandLine } from './command.ts';
import { describeTask, type ToldTask } from './taskenv.ts';

export interface HandlerOptions {
  readonly command: CommandLine;
  readonly maxOutputBytes: number;
  /** Milliseconds from SIGTERM to SIGKILL when a task is cancelled. */
  readonly killAfterMs: number;
  /** Keeps each line of the command's stderr with its attempt. */
  readonly logsErrors?: boolean;
  /** Told of each task that ended here; not of those that were taken away. */
  readonly onEnd: (end: TaskEnd) => void;
  /** Told of each task before its command begins. */
  readonly onTask?: (task: ToldTask) => void;
  /** Told why this machine cannot start a command for now; null: it can again. */
  readonly onShort?: (reason: string | null) => void;
}

/** Errors of a machine that is short of processes, descriptors or memory, which is no fault of the task. */
const SHORTAGES: ReadonlySet<string> = new Set(['EAGAIN', 'EMFILE', 'ENFILE', 'ENOMEM']);

export interface TaskEnd {
  readonly taskId: string;
  readonly queue: string;
  readonly attempt: number;
  readonly state: 'succeeded' | 'failed';
  readonly error: Problem | null;
}

/** Payloads as they came, results as the command wrote them. */
export function createBytesCodec(contentType: string): Codec<Uint8Array> {
  return { contentType, encode: (value) => value, decode: (value) => new Uint8Array(value) };
}

/** A task handler that runs a command: payload on stdin, stdout is the result. */
export function createCommandHandler(
  options: HandlerOptions,
): (payload: Uint8Array, context: TaskContext) => Promise<Uint8Array> {
  return async (payload, context) => {
    const { taskId, queue, attempt, signal } = context;
    try {
      const output = await runTask(payload, context, options);
      options.onEnd({ taskId, queue, attempt, state: 'succeeded', error: null });
      return output;
    } catch (error) {
      if (error instanceof TaskRelease) throw error;
      const { code, message } = error as TaskFailure;
      if (!signal.aborted) options.onEnd({ taskId, queue, attempt, state: 'failed', error: { code, message } });
      throw error;
    }
  };
}

async function runTask(payload: Uint8Array, context: TaskContext, options: HandlerOptions): Promise<Uint8Array> {
  const { command, maxOutputBytes, killAfterMs, logsErrors = false } = options;
  options.onTask?.(context);
  let end: ChildEnd;
  try {
    end = await runChild({
      onStart: () => options.onShort?.(null),
      command,
      input: payload,
      env: describeTask(context),
      maxOutputBytes,
      killAfterMs,
      signal: context.signal,
      ...(logsErrors && { onErrorLine: context.log }),
    });
  } catch (error) {
    const { code = '' } = error as NodeJS.ErrnoException;
    if (!SHORTAGES.has(code)) throw startFailure(command[0], error as NodeJS.ErrnoException);
    const reason = `cannot start ${command[0]}: ${code}`;
    options.onShort?.(reason);
    throw new TaskRelease(reason);
  }
  // A TaskFailure would count as what the command itself says.
  if (end.isAborted) throw context.signal.reason;
  if (end.isOverLimit) {
    throw new TaskFailure(`stdout is larger than ${maxOutputBytes} bytes`, { code: 'TOO_LARGE', retry: 'never' });
  }
  if (end.signalName !== null) throw signalFailure(end, end.signalName);
  if (end.exitCode !== 0) {
    throw new TaskFailure(end.errorText || `exit code ${end.exitCode}`, { code: `EXIT_${end.exitCode}` });
  }
  return end.output;
}

function signalFailure(end: ChildEnd, name: NodeJS.Signals): TaskFailure {
  return new TaskFailure(end.errorText ? `killed by ${name}: ${end.errorText}` : `killed by ${name}`, { code: name });
}

/** The failure of a command that cannot be started. A retry may well succeed: it may come with the next deployment. */
function startFailure(file: string, error: NodeJS.ErrnoException): TaskFailure {
  if (error.code === 'ENOENT') return new TaskFailure(`command not found: ${file}`, { code: 'COMMAND_NOT_FOUND' });
  return new TaskFailure(`cannot start ${file}: ${error.code ?? error.message}`, { code: 'CANNOT_START' });
}
