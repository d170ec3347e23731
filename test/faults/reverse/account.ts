import { type Ended, type Gap, listWriters, type Made, readLines, type Stored } from './journal.ts';
import type { Mischief } from './mischief.ts';

/** What a call may take beyond its deadline, with all ends awake and the line open. */
const SLACK_MS = 1_000;

/** What the calls came to; `wrong` is empty when all is well. */
export interface Account {
  readonly calls: number;
  /** By the name of their kind and their status. */
  readonly counts: ReadonlyMap<string, number>;
  /** Told that nobody knows whether they were begun; of those, begun. */
  readonly maybe: number;
  readonly maybeBegun: number;
  /** Told that they were not. */
  readonly notBegun: number;
  /** Ended by the server at their deadline or later; the longest, in milliseconds beyond it. */
  readonly longestBeyondMs: number;
  /** What a durable call is stored as, by its id. */
  readonly stored: ReadonlyMap<string, string>;
  /** What is against the promises, in words. */
  readonly wrong: readonly string[];
}

export interface AccountOptions {
  readonly folder: string;
  readonly mischief: readonly Mischief[];
  /** Names of processes that were killed: what they had open ended with them. */
  readonly killed: ReadonlySet<string>;
}

interface Call {
  readonly caller: string;
  readonly tries: { readonly made: Made; readonly ends: Ended[] }[];
}

const titleOf = (name: string): string => name.slice(0, name.indexOf('.'));
const overlap = (from: number, to: number, part: Gap | Mischief): number =>
  Math.max(0, Math.min(to, part.to) - Math.max(from, part.from));

export function takeAccount({ folder, mischief, killed }: AccountOptions): Account {
  const calls = new Map<string, Call>();
  const begun = new Map<string, number>();
  const running = new Map<string, string>();
  const gaps = new Map<string, Gap[]>();
  const stored = new Map<string, string>();
  const counts = new Map<string, number>();
  const wrong: string[] = [];
  let maybe = 0;
  let maybeBegun = 0;
  let notBegun = 0;
  let longestBeyondMs = 0;

  for (const writer of listWriters(folder)) for (const line of readLines(folder, writer)) take(writer, line);

  function take(writer: string, line: ReturnType<typeof readLines>[number]): void {
    if (line.kind === 'gap') gaps.set(titleOf(writer), [...(gaps.get(titleOf(writer)) ?? []), line]);
    else if (line.kind === 'began') {
      if (!line.isKept) begun.set(line.id, (begun.get(line.id) ?? 0) + 1);
      if (!killed.has(writer)) running.set(`${writer} ${line.id}`, line.id);
    } else if (line.kind === 'finished') {
      if (!killed.has(writer) && !running.delete(`${writer} ${line.id}`))
        wrong.push(`${line.id} finished twice at ${writer}`);
    } else if (line.kind === 'stored') noteStored(line);
    else if (line.kind === 'made') {
      const call = calls.get(line.id) ?? { caller: writer, tries: [] };
      call.tries.push({ made: line, ends: [] });
      calls.set(line.id, call);
    } else if (line.kind === 'ended') calls.get(line.id)!.tries[line.tries]!.ends.push(line);
  }

  function noteStored({ id, task }: Stored): void {
    const before = stored.get(id);
    if (before !== undefined && before !== task) wrong.push(`${id} is stored as ${before} and as ${task}`);
    stored.set(id, task);
  }

  /** Milliseconds of the call in which one of its ends, or the line between them, could do nothing. */
  function awayMs(caller: string, from: number, to: number): number {
    const parts = ['server', 'test', titleOf(caller)].flatMap((title): (Gap | Mischief)[] => [
      ...(gaps.get(title) ?? []),
      ...mischief.filter(({ whom, what }) => whom === title && what !== 'stop'),
    ]);
    return parts.reduce((sum, part) => sum + overlap(from, to, part), 0);
  }

  function checkTime(caller: string, { id, at, deadlineMs }: Made, end: Ended): void {
    const beyondMs = end.at - at - deadlineMs;
    if (beyondMs <= 0) return;
    const ownMs = beyondMs - awayMs(caller, at, end.at);
    longestBeyondMs = Math.max(longestBeyondMs, ownMs);
    if (ownMs > SLACK_MS) wrong.push(`${id} took ${beyondMs} ms more than its deadline, ${ownMs} of them unexplained`);
  }

  function checkTry(id: string, caller: string, { made, ends }: Call['tries'][number]): void {
    const [end] = ends;
    if (!end) {
      if (!killed.has(caller)) wrong.push(`${id} has not ended`);
      return;
    }
    if (ends.length > 1) wrong.push(`${id} ended ${ends.length} times`);
    const name = `${made.call} ${end.code}`;
    counts.set(name, (counts.get(name) ?? 0) + 1);
    if (!end.isRight) wrong.push(`${id} (${made.call}) has a wrong answer: ${end.code} ${end.details}`);
    if (!EXPECTED.has(end.code)) wrong.push(`${id} (${made.call}) ended with ${end.code} ${end.details}`);
    if (end.started === 'maybe') {
      maybe += 1;
      if (begun.has(id)) maybeBegun += 1;
    }
    if (end.started === 'no') notBegun += 1;
    checkTime(caller, made, end);
  }

  for (const [id, { caller, tries }] of calls) {
    for (const one of tries) checkTry(id, caller, one);
    const [last] = tries.at(-1)!.ends;
    const runs = begun.get(id) ?? 0;
    if (runs > 1) wrong.push(`${id} was begun ${runs} times`);
    if (last?.started === 'no' && runs > 0) wrong.push(`${id} was begun, and its caller told that it was not`);
    if (last?.code === 0 && tries[0]!.made.call !== 'durable' && runs !== 1)
      wrong.push(`${id} is OK with ${runs} runs`);
  }
  for (const place of running.keys()) wrong.push(`still running: ${place}`);
  return { calls: calls.size, counts, maybe, maybeBegun, notBegun, longestBeyondMs, stored, wrong };
}

/** OK, cancelled, deadline, exhausted, as the handler was told, unimplemented until a callee is back, unavailable. */
const EXPECTED: ReadonlySet<number> = new Set([0, 1, 4, 8, 9, 12, 14]);
