import type { MessageInitShape } from '@bufbuild/protobuf';
import { type TaskFilterSchema, TaskState } from '../../gen/index.ts';
import { type Field, instant, many, pairs, text, type Values, whole, word } from './fields.ts';

const STATES = {
  scheduled: TaskState.SCHEDULED,
  ready: TaskState.READY,
  running: TaskState.RUNNING,
  succeeded: TaskState.SUCCEEDED,
  failed: TaskState.FAILED,
  cancelled: TaskState.CANCELLED,
  expired: TaskState.EXPIRED,
} as const;
type StateWord = keyof typeof STATES;

const states: Field<StateWord[]> = many(word('Only in one of these states.', Object.keys(STATES) as StateWord[]));

/** Conditions that tasks meet, as the command line has them; all that are said must hold. */
export const CONDITIONS = {
  queue: many(text('Only of these queues.')),
  state: states,
  createdAfter: instant('Only created after this instant.'),
  createdBefore: instant('Only created before this instant.'),
  parent: text('Only children of this broadcast.'),
  settledAfter: instant('Only settled after this instant.'),
  settledBefore: instant('Only settled before this instant.'),
  error: many(text('Only settled with an error of one of these codes.')),
  client: many(text('Only with one of these clients, or settled by it.')),
  metadata: pairs("Only with all of these pairs among the task's metadata."),
  runningForMs: whole('Only running, for at least so many milliseconds.'),
};

export type Conditions = Values<typeof CONDITIONS>;

/** The filter of these conditions; undefined: none was said. */
export function readConditions(given: Conditions): MessageInitShape<typeof TaskFilterSchema> | undefined {
  const { queue, state, parent, error, client, metadata, runningForMs } = given;
  const { createdAfter, createdBefore, settledAfter, settledBefore } = given;
  const isEmpty = Object.keys(CONDITIONS).every((name) => given[name as keyof Conditions] === undefined);
  if (isEmpty) return undefined;
  return {
    queues: queue ?? [],
    states: readStates(state),
    createdAfter,
    createdBefore,
    parentId: parent ?? '',
    settledAfter,
    settledBefore,
    errorCodes: error ?? [],
    clientIds: client ?? [],
    metadata: metadata ?? {},
    runningForMs: runningForMs ?? 0,
  };
}

export function readStates(words: readonly StateWord[] = []): TaskState[] {
  return words.map((one) => STATES[one]);
}

/** A page of a list. */
export const PAGE = {
  limit: whole('At most so many, up to 500; default 100.'),
  page: text('The `next` of the page before.'),
};

/** What a page says beside its list. */
export const NEXT = { next: text('Where to go on: the `page` of the next request; absent with the last page.') };

/** What an act says beside the tasks that it names. */
export const TOTAL = { total: whole('All that were changed; at most 1,000 of them are named.'), ...NEXT };

/** Tasks that an act is about: named ones, or those that conditions find. */
export const SELECTION = {
  ids: many(text('These tasks, at most 1,000; not together with conditions.')),
  ...CONDITIONS,
  max: whole('Of conditions: at most so many of what they find, the newest first; then `next` says where to go on.'),
  page: text('The `next` of the answer before.'),
};

export function readSelection(given: Values<typeof SELECTION>) {
  const filter = readConditions(given);
  return {
    ids: given.ids ?? [],
    ...(filter && { filter }),
    max: given.max ?? 0,
    pageToken: given.page ?? '',
  };
}
