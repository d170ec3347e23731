import { formatDuration } from '../format.ts';
import { linkTo } from '../link.ts';
import type { Task } from '../shapes.ts';
import { State } from './state.tsx';
import { type Column, Table } from './table.tsx';
import { Ago } from './time.tsx';

/** The end of an id, which is drawn at random; its beginning is a time, and so alike in those of one moment. */
const shortId = (id: string): string => id.slice(-12);

const COLUMNS: readonly Column<Task>[] = [
  {
    title: 'Task',
    cell: ({ id }) => (
      <a class="mono" href={linkTo(['tasks', id])} title={id} aria-label={`task ${id}`}>
        {shortId(id)}
      </a>
    ),
  },
  { title: 'State', cell: ({ state }) => <State state={state} /> },
  {
    title: 'Queue',
    isExtra: true,
    cell: ({ queue }) => (
      <a class="name" href={linkTo(['queues', queue])}>
        {queue}
      </a>
    ),
  },
  { title: 'What is known', isWide: true, cell: (task) => <Known task={task} /> },
  {
    title: 'Attempt',
    isNumber: true,
    isExtra: true,
    cell: ({ attempt, maxAttempts }) => `${attempt} of ${maxAttempts}`,
  },
  { title: 'Took', isNumber: true, isExtra: true, cell: (task) => took(task) },
  { title: 'Created', isNumber: true, isExtra: true, cell: ({ createdAt }) => <Ago at={createdAt} /> },
];

/** Why it failed or waits, or who has it. */
function Known({ task: { error, state, waiting, waitingFor, client } }: { readonly task: Task }) {
  if (error && state !== 'running') {
    return (
      <span title={error.message}>
        {error.code && <code class={state === 'failed' ? 'bad' : ''}>{error.code}</code>} {error.message}
      </span>
    );
  }
  if (state === 'running') return <span title={waiting?.text}>{waiting?.text ?? client}</span>;
  if (waitingFor) return <span title={waitingFor}>waiting for {waitingFor}</span>;
  return <span class="quiet">{client && `by ${client}`}</span>;
}

/** From its claim until it was settled. */
function took({ claimedAt, settledAt }: Task): string {
  return claimedAt && settledAt ? formatDuration(Date.parse(settledAt) - Date.parse(claimedAt)) : '';
}

export function TaskTable({ tasks, isFiltered }: { readonly tasks: readonly Task[]; readonly isFiltered: boolean }) {
  return (
    <Table
      label="Tasks"
      rows={tasks}
      columns={COLUMNS}
      keyOf={({ id }) => id}
      empty={
        isFiltered ? (
          <>
            <h3>No task meets these conditions</h3>
            <a href={linkTo(['tasks'])}>Show all tasks</a>
          </>
        ) : (
          <>
            <h3>There is no task yet</h3>
            <pre>contact enqueue mails '{'{"to":"ada@example.org"}'}'</pre>
          </>
        )
      }
    />
  );
}
