import { readFileSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { isSettled, TRANSITIONS } from '../server/model/states.ts';
import type { TaskState } from '../server/model/task.ts';
import { ROOT } from './tool.ts';

// Draws docs/states.md from the table in server/model/states.ts. With --check nothing is written: exit code 1 if stale.

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

interface Edge {
  readonly from: TaskState;
  readonly name: string;
  readonly to: TaskState;
}

function listEdges(): readonly Edge[] {
  return Object.entries(TRANSITIONS).flatMap(([from, row]) =>
    Object.entries(row).map(([name, to]) => ({ from: from as TaskState, name, to })),
  );
}

/** One arrow for each pair of states, its label naming every transition between them. */
function renderDiagram(edges: readonly Edge[]): string {
  const labels = new Map<string, string[]>();
  for (const { from, name, to } of edges) {
    const arrow = `${from} --> ${to}`;
    labels.set(arrow, [...(labels.get(arrow) ?? []), name]);
  }
  const arrows = [...labels].map(([arrow, names]) => `    ${arrow}: ${names.join(', ')}`);
  const ends = (Object.keys(TRANSITIONS) as TaskState[]).filter(isSettled).map((state) => `    ${state} --> [*]`);
  return ['stateDiagram-v2', '    [*] --> ready', '    [*] --> scheduled', ...arrows, ...ends].join('\n');
}

/** The whole text of docs/states.md. */
export function renderStates(): string {
  const edges = listEdges();
  const rows = edges.map(({ from, name, to }) => `| ${from} | ${name} | ${to} | ${MEANING[name] ?? ''} |`);
  return [
    '<!-- Drawn by scripts/states.ts from server/model/states.ts: run `npm run generate`. -->',
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
    '```mermaid',
    renderDiagram(edges),
    '```',
    '',
    '| from | transition | to | meaning |',
    '|---|---|---|---|',
    ...rows,
    '',
  ].join('\n');
}

if (import.meta.main) {
  const path = join(ROOT, 'docs', 'states.md');
  const text = renderStates();
  if (!process.argv.includes('--check')) {
    writeFileSync(path, text);
  } else if (readFileSync(path, 'utf8') !== text) {
    console.error('docs/states.md: differs from server/model/states.ts\nrun: npm run generate');
    process.exitCode = 1;
  }
}
