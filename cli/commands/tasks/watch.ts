import { setTimeout as sleep } from 'node:timers/promises';
import type { Command } from 'commander';
import { createAdmin } from '../../../client/admin.ts';
import type { ConnectionOptions } from '../../../client/index.ts';
import { type LogLine, type Task, type TaskAct, TaskState } from '../../../gen/contact/v1/task_pb.ts';
import type { WatchTaskResponse } from '../../../gen/contact/v1/task_service_pb.ts';
import type { Json } from '../../../json/plain.ts';
import { deliveryToJson, taskLogToJson, taskToJson } from '../../../json/task.ts';
import { progressToJson } from '../../../json/waiting.ts';
import { ContactError } from '../../../shared/errors.ts';
import { formatInstant } from '../../age.ts';
import { describeAttempt, hasFailed } from '../../attempts.ts';
import type { CommandContext } from '../../context.ts';
import { escapeLine } from '../../escape.ts';
import { EXIT } from '../../exit.ts';
import { reachServer, readConnection } from '../../reach.ts';
import { addTargetOptions, type TargetOptions } from '../../target.ts';
import { describeChildren, describeError, isSettledState, stateName } from '../../task.ts';
import { actsSince, describeAct } from '../../taskacts.ts';
import { describeLine } from '../../tasklog.ts';
import { describeValue } from '../../value.ts';

type TaskEvent = WatchTaskResponse['event'];

const MAX_SHOWN = 500;
/** The pause before the server is asked again: one that stops still answers for a while. */
const PAUSE_MS = 200;

export function addWatchCommand(tasks: Command, context: CommandContext): void {
  const command = tasks
    .command('watch <id>')
    .description('show what happens to a task until it is settled')
    .option(
      '--json',
      'one JSON object a line: {"task": …} with its attempts and acts, {"started": …}, {"progress": …} or {"log": …}',
    )
    .action((id: string, options: TargetOptions) => watchTask(id, options, context))
    .addHelpText(
      'after',
      `
A line for each change of state, for each attempt that did not succeed, for who cancelled it or had it run again, for the start of the work, for its progress (the newest, at most four a second) and for each line that its worker logs.
Exit code 1 when the task ends otherwise than succeeded. Goes on over a restart of the server.

Example:
  contact tasks watch 019a9f3e-5c1e-7d55-b2b3-7a1f1c6a6a01`,
    );
  addTargetOptions(command);
}

async function watchTask(id: string, options: TargetOptions, context: CommandContext): Promise<void> {
  const connection = readConnection(options, context.say);
  let told = '';
  let toldDelivery = 0;
  let toldActs: readonly TaskAct[] = [];
  let toldLine = { delivery: 0, number: 0 };

  /** Those that have ended since, whatever came between two looks. */
  async function printAttempts({ attempts }: Task): Promise<void> {
    for (const attempt of attempts) {
      if (attempt.delivery <= toldDelivery || !hasFailed(attempt)) continue;
      toldDelivery = attempt.delivery;
      await context.out.write(`${new Date().toISOString()}  ${describeAttempt(attempt)}\n`);
    }
  }

  /** Those that were not told yet: a task comes with all that are kept. */
  async function printLog(delivery: number, log: readonly LogLine[]): Promise<void> {
    for (const line of log) {
      const { number } = line;
      if (delivery < toldLine.delivery || (delivery === toldLine.delivery && number <= toldLine.number)) continue;
      toldLine = { delivery, number };
      await context.out.write(`${formatInstant(line.at)}  log  ${describeLine(line)}\n`);
    }
  }

  async function printActs({ acts }: Task): Promise<void> {
    for (const act of actsSince(acts, toldActs)) {
      await context.out.write(`${new Date().toISOString()}  ${describeAct(act)}\n`);
    }
    toldActs = acts;
  }

  async function print(event: TaskEvent): Promise<void> {
    if (event.case === 'log' && !options.json) {
      const { delivery, line } = event.value;
      return printLog(delivery, line ? [line] : []);
    }
    if (event.case === 'task' && !options.json) {
      for (const { delivery, log } of event.value.attempts) await printLog(delivery, log);
      await printAttempts(event.value);
      await printActs(event.value);
    }
    const line = options.json ? JSON.stringify(eventToJson(event)) : describeEvent(event);
    // After a lost connection the state is told again; what only a newer server tells has no line.
    if (line === told || line === '' || line === '{}') return;
    told = line;
    await (options.json
      ? context.out.writeJson(eventToJson(event))
      : context.out.write(`${new Date().toISOString()}  ${line}\n`));
  }

  await reachServer(connection, options.connectTimeout);
  for (;;) {
    const settled = await follow(id, connection, context.out.closed, print);
    if (settled && settled.state !== TaskState.SUCCEEDED) context.exitCode = EXIT.refused;
    if (settled || context.out.closed.aborted) return;
    await sleep(PAUSE_MS);
    await reachServer(connection, options.connectTimeout);
  }
}

/** Prints events until the task is settled, and answers it; null: the connection broke, or nobody reads any more. */
async function follow(
  id: string,
  connection: ConnectionOptions,
  signal: AbortSignal,
  print: (event: TaskEvent) => Promise<void>,
): Promise<Task | null> {
  const admin = createAdmin(connection);
  try {
    for await (const { event } of admin.watchTask(id, { signal })) {
      await print(event);
      if (event.case === 'task' && isSettledState(event.value.state)) return event.value;
    }
  } catch (error) {
    if (!(error instanceof ContactError) || error.code !== 'UNAVAILABLE') throw error;
  } finally {
    await admin.close();
  }
  return null;
}

function eventToJson(event: TaskEvent): Json {
  switch (event.case) {
    case 'task':
      return { task: taskToJson(event.value, true) };
    case 'started':
      return { started: deliveryToJson(event.value) };
    case 'progress':
      return { progress: { ...deliveryToJson(event.value), ...progressToJson(event.value) } };
    case 'log':
      return { log: taskLogToJson(event.value) };
    default:
      return {};
  }
}

/** A line for an event; empty for one that only a newer server tells. */
function describeEvent(event: TaskEvent): string {
  switch (event.case) {
    case 'task':
      return describeState(event.value);
    case 'started':
      return `started  delivery ${event.value.delivery}`;
    case 'progress': {
      const { fraction, message } = event.value;
      const parts = [fraction >= 0 ? `${Math.round(fraction * 100)} %` : '', escapeLine(message)];
      return ['progress', ...parts].filter(Boolean).join('  ');
    }
    default:
      return '';
  }
}

function describeState(task: Task): string {
  const { state, attempt, maxAttempts, clientId, waitingFor, children } = task;
  const details = {
    [TaskState.RUNNING]: `attempt ${attempt} of ${maxAttempts}, client ${escapeLine(clientId)}`,
    [TaskState.SUCCEEDED]: describeValue(task.result, MAX_SHOWN),
  } as Partial<Record<TaskState, string>>;
  return [
    `${stateName(state)}${task.cancelRequested && !isSettledState(state) ? ' (cancel requested)' : ''}`,
    details[state],
    waitingFor && `waiting for ${escapeLine(waitingFor)}`,
    isSettledState(state) && escapeLine(describeError(task.error)),
    children && `children ${describeChildren(children)}`,
  ]
    .filter(Boolean)
    .join('  ');
}
