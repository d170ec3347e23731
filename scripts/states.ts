import { readFileSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { isSettled, TRANSITIONS } from '../server/model/states.ts';
import type { TaskState } from '../server/model/task.ts';
import { PHASES, type Phase, type Step } from '../server/session/phases.ts';
import { ROOT } from './tool.ts';

// Draws docs/states.md from the tables in server/model/states.ts and server/session/phases.ts. With --check nothing is
// written: exit code 1 if stale.

/** What each transition means, in the words of docs/architecture.md. */
const MEANING: Readonly<Record<string, string>> = {
  due: 'its instant has come, or its broadcast is complete',
  claimed: 'claimed for a session, a new delivery',
  adopted: 'the client that still has its newest delivery names it',
  succeeded: 'a result was accepted',
  failed: 'a failure was accepted and no retry is left or wanted',
  retried: 'a failure was accepted, backing off before the next attempt',
  released: 'given back; burns an attempt if it had started, unless nothing was done',
  lost: 'its session was lost; ready again and adoptable; burns an attempt if it had started',
  cancelled: 'a cancel settled it',
  expired: 'nobody took it, or took it again, before its expiry',
  redriven: 'an operator wants it run again',
};

const MEANING_OF_STEP: Readonly<Record<Step, string>> = {
  paired: 'its SendStatus is there, at once or later',
  gone: 'a stream of it has ended, whoever ended it, and so both have; what it holds stays its own',
  resumed: 'its client came back and named it in `previous_session`: its row goes on, with what the client still has',
  replaced: 'its client, a named one, registered anew and did not resume it: what it held is ready again',
  expired: 'the resume window is over, or there is none, as nobody knows its id: what it held is ready again',
};

interface Edge {
  readonly from: string;
  readonly name: string;
  readonly to: string;
}

function listEdges(table: Readonly<Record<string, Readonly<Partial<Record<string, string>>>>>): readonly Edge[] {
  return Object.entries(table).flatMap(([from, row]) =>
    Object.entries(row).map(([name, to]) => ({ from, name, to: to! })),
  );
}

/** One arrow for each pair of states, its label naming every transition between them. */
function renderDiagram(edges: readonly Edge[], begins: readonly string[], ends: readonly string[]): string {
  const labels = new Map<string, string[]>();
  for (const { from, name, to } of edges) {
    const arrow = `${from} --> ${to}`;
    labels.set(arrow, [...(labels.get(arrow) ?? []), name]);
  }
  const arrows = [...labels].map(([arrow, names]) => `    ${arrow}: ${names.join(', ')}`);
  const first = begins.map((state) => `    [*] --> ${state}`);
  const last = ends.map((state) => `    ${state} --> [*]`);
  return ['```mermaid', 'stateDiagram-v2', ...first, ...arrows, ...last, '```'].join('\n');
}

function renderTable(edges: readonly Edge[], kind: string, meaning: Readonly<Record<string, string>>): string[] {
  const rows = edges.map(({ from, name, to }) => `| ${from} | ${name} | ${to} | ${meaning[name] ?? ''} |`);
  return [`| from | ${kind} | to | meaning |`, '|---|---|---|---|', ...rows];
}

/** The whole text of docs/states.md. */
export function renderStates(): string {
  const edges = listEdges(TRANSITIONS);
  const steps = listEdges(PHASES);
  const settled = (Object.keys(TRANSITIONS) as TaskState[]).filter(isSettled);
  const over = (Object.keys(PHASES) as Phase[]).filter((phase) => Object.keys(PHASES[phase]).length === 0);
  return [
    '<!-- Drawn by scripts/states.ts from server/model/states.ts and server/session/phases.ts: run `npm run generate`. -->',
    '# The states of a task',
    '',
    'A task is inserted as `ready`, or as `scheduled` when it has an instant to wait for, or the rest of a large',
    'broadcast. Every other move is in this table; a move that is not in it is refused. `succeeded`, `failed`,',
    '`cancelled` and `expired` are settled.',
    '',
    'A started delivery that comes back without success burns an attempt, unless its worker says that nothing was done;',
    'at the last attempt the task fails. At the last attempt a delivery that was pushed counts as started, and after a',
    'restart of the server at any: only its worker can say that it was not (`untouched`, `complete`, or before the last',
    'attempt a resume and a receipt without its `started`).',
    '',
    'A task does not expire while a session has it, nor within the resume window of one that was lost: a result within it',
    'counts. If nobody has it when that is over, it expires, and a result that comes later is STALE: observers were told.',
    '',
    renderDiagram(edges, ['ready', 'scheduled'], settled),
    '',
    ...renderTable(edges, 'transition', MEANING),
    '',
    '# The phases of a session',
    '',
    'A session is one registration. It begins as `plain` and is `full` as soon as its SendStatus is there, which may be at',
    'once; one that an earlier process of the server left begins as `away`. Every other move is in this table; a move that',
    'is not in it is refused.',
    '',
    'While it is `plain` or `full` it is given tasks, unless it has no credit left, owes too many receipts, is drained by an',
    'operator, gives back what it is given (`untouched`), or is plain and an attempt of it has timed out. When it is `away`,',
    'what it holds stays its own for the resume window. A resume is a new session with the row of the one before.',
    '',
    renderDiagram(steps, ['plain', 'away'], over),
    '',
    ...renderTable(steps, 'step', MEANING_OF_STEP),
    '',
  ].join('\n');
}

if (import.meta.main) {
  const path = join(ROOT, 'docs', 'states.md');
  const text = renderStates();
  if (!process.argv.includes('--check')) {
    writeFileSync(path, text);
  } else if (readFileSync(path, 'utf8') !== text) {
    console.error(
      'docs/states.md: differs from server/model/states.ts and server/session/phases.ts\nrun: npm run generate',
    );
    process.exitCode = 1;
  }
}
