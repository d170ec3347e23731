import { useMemo } from 'preact/hooks';
import { readQueues } from '../all.ts';
import { formatCount } from '../format.ts';
import { linkTo } from '../link.ts';
import { Count } from '../parts/count.tsx';
import { Heading } from '../parts/heading.tsx';
import { Trouble } from '../parts/notice.tsx';
import { State } from '../parts/state.tsx';
import { type Column, Table } from '../parts/table.tsx';
import { Age } from '../parts/time.tsx';
import { usePolled } from '../poll.ts';
import { changeParams, route } from '../route.ts';
import type { Queue } from '../shapes.ts';

const tasksOf = ({ queue }: Queue, state: string): string => linkTo(['tasks'], { queue, state });

/** When the task was stored that has waited longest; absent: none is ready. */
export function oldestOf({ oldest }: Queue): string | undefined {
  return oldest.map(({ createdAt }) => createdAt).toSorted()[0];
}

const COLUMNS: readonly Column<Queue>[] = [
  {
    title: 'Queue',
    isWide: true,
    rank: ({ queue }) => queue,
    cell: ({ queue }) => <a href={linkTo(['queues', queue])}>{queue}</a>,
  },
  {
    title: 'Ready',
    isNumber: true,
    rank: ({ ready }) => ready,
    cell: (row) => <Count value={row.ready} href={tasksOf(row, 'ready')} label={`ready in ${row.queue}`} />,
  },
  {
    title: 'Oldest',
    isNumber: true,
    isExtra: true,
    rank: (row) => -Date.parse(oldestOf(row) ?? '9999'),
    cell: (row) => <Age at={oldestOf(row)} />,
  },
  {
    title: 'Scheduled',
    isNumber: true,
    isExtra: true,
    rank: ({ scheduled }) => scheduled,
    cell: (row) => <Count value={row.scheduled} href={tasksOf(row, 'scheduled')} label={`scheduled in ${row.queue}`} />,
  },
  {
    title: 'Running',
    isNumber: true,
    rank: ({ running }) => running,
    cell: (row) => <Count value={row.running} href={tasksOf(row, 'running')} label={`running in ${row.queue}`} />,
  },
  {
    title: 'Failed',
    isNumber: true,
    rank: ({ failed }) => failed,
    cell: (row) => <Count value={row.failed} href={tasksOf(row, 'failed')} label={`failed in ${row.queue}`} isBad />,
  },
  {
    title: 'Succeeded',
    isNumber: true,
    isExtra: true,
    rank: ({ succeeded }) => succeeded,
    cell: (row) => <Count value={row.succeeded} href={tasksOf(row, 'succeeded')} label={`succeeded in ${row.queue}`} />,
  },
  {
    title: 'Workers',
    isNumber: true,
    isExtra: true,
    rank: ({ workers }) => workers,
    cell: ({ workers }) => <Count value={workers} />,
  },
  {
    title: 'State',
    isExtra: true,
    cell: (row) => <QueueState queue={row} />,
  },
];

/** What waits for nothing but its time, or for a worker that is busy. */
const ORDINARY: readonly string[] = ['delayed', 'retry', 'full', 'turn'];

/** Paused, or why what is ready does not run. */
export function QueueState({ queue: { paused, waiting } }: { readonly queue: Queue }) {
  if (paused) return <State state="paused" />;
  if (!waiting || waiting.kind === 'turn') return <span class="none">–</span>;
  return (
    <span class={ORDINARY.includes(waiting.kind) ? 'quiet' : ''} title={`waiting for ${waiting.text}`}>
      waiting for {waiting.text}
    </span>
  );
}

export function Queues() {
  const { data, error } = usePolled('queues', readQueues);
  const name = route.value.params.get('name') ?? '';
  const rows = useMemo(() => {
    const wanted = name.toLowerCase();
    return (data?.items ?? []).filter(({ queue }) => queue.toLowerCase().includes(wanted));
  }, [data, name]);
  return (
    <>
      <Heading title="Queues" />
      <Trouble error={error} />
      <div class="filter">
        <input
          type="text"
          aria-label="Part of the name of a queue"
          placeholder="Part of a name"
          value={name}
          onInput={(event) => changeParams({ name: event.currentTarget.value })}
        />
        {data && (
          <span class="quiet" role="status">
            {rows.length === data.items.length
              ? formatCount(rows.length)
              : `${formatCount(rows.length)} of ${formatCount(data.items.length)}`}
            {data.isCut && ', as many as are looked at'}
          </span>
        )}
      </div>
      {data && (
        <Table
          label="Queues"
          rows={rows}
          columns={COLUMNS}
          keyOf={({ queue }) => queue}
          order="Queue"
          empty={
            name ? (
              <>
                <h3>No queue has “{name}” in its name</h3>
                <p>A queue that has no task, no worker and no settings is not listed.</p>
              </>
            ) : (
              <>
                <h3>There is no queue yet</h3>
                <p>The first task makes one, and so does the first worker.</p>
                <pre>contact enqueue mails '{'{"to":"ada@example.org"}'}'</pre>
              </>
            )
          }
        />
      )}
    </>
  );
}
