import { type TaskAct, TaskActKind, TaskActKindSchema } from '../gen/contact/v1/task_pb.ts';
import { wordOf } from '../json/word.ts';
import { formatInstant } from './age.ts';
import { escapeLine } from './escape.ts';
import { renderTable } from './table.ts';

const HEADINGS = ['act', 'at', 'by', 'reason'];

/** What somebody did to a task, a line for each act. */
export function renderActs(acts: readonly TaskAct[], isTerminal: boolean): string {
  if (acts.length === 0) return '';
  const rows = acts.map((act) => [actName(act), formatInstant(act.at), act.by, escapeLine(act.reason)]);
  return `\n${renderTable(HEADINGS, rows, isTerminal)}`;
}

/** `cancel asked for by token:ops: not needed` */
export function describeAct(act: TaskAct): string {
  const what = act.kind === TaskActKind.CANCELLED ? 'cancel asked for' : actName(act);
  const [by, reason] = [act.by && ` by ${escapeLine(act.by)}`, act.reason && `: ${escapeLine(act.reason)}`];
  return `${what}${by}${reason}`;
}

/** The acts that came after those that were told; all, if none of those is among them any more. */
export function actsSince(acts: readonly TaskAct[], told: readonly TaskAct[]): readonly TaskAct[] {
  const newest = told.at(-1);
  return newest ? acts.slice(acts.findLastIndex((act) => isSame(act, newest)) + 1) : acts;
}

function isSame(a: TaskAct, b: TaskAct): boolean {
  return a.kind === b.kind && a.at?.seconds === b.at?.seconds && a.at?.nanos === b.at?.nanos;
}

function actName({ kind }: TaskAct): string {
  return wordOf(TaskActKindSchema, kind);
}
