import { readClients } from '../all.ts';
import { formatCount, formatDuration, formatShare } from '../format.ts';
import { linkTo } from '../link.ts';
import { Heading } from '../parts/heading.tsx';
import { Trouble } from '../parts/notice.tsx';
import { State } from '../parts/state.tsx';
import { type Column, Table } from '../parts/table.tsx';
import { Ago } from '../parts/time.tsx';
import { usePolled } from '../poll.ts';
import { changeParams, route } from '../route.ts';
import type { Client } from '../shapes.ts';

/** A client is there, is there and takes nothing new, or is away. */
export const stateOf = ({ connected, draining }: Client): string =>
  draining ? 'draining' : connected ? 'connected' : 'away';

const failedShare = ({ runs }: Client): number => (runs && runs.ended > 0 ? runs.failed / runs.ended : 0);

function duration(ms: number | undefined) {
  return ms === undefined ? <span class="none">–</span> : formatDuration(ms);
}

const COLUMNS: readonly Column<Client>[] = [
  {
    title: 'Client',
    isWide: true,
    rank: ({ client }) => client,
    cell: ({ client }) => <a href={linkTo(['clients', client])}>{client}</a>,
  },
  { title: 'State', rank: stateOf, cell: (row) => <State state={stateOf(row)} /> },
  {
    title: 'Running',
    isNumber: true,
    rank: ({ running }) => running,
    cell: ({ running, maxInFlight }) => `${formatCount(running)} / ${formatCount(maxInFlight)}`,
  },
  {
    title: 'p50',
    isNumber: true,
    isExtra: true,
    rank: ({ runs }) => runs?.p50Ms ?? -1,
    cell: ({ runs }) => duration(runs?.p50Ms),
  },
  { title: 'p99', isNumber: true, rank: ({ runs }) => runs?.p99Ms ?? -1, cell: ({ runs }) => duration(runs?.p99Ms) },
  {
    title: 'Ended, 1 h',
    isNumber: true,
    isExtra: true,
    rank: ({ runs }) => runs?.ended ?? 0,
    cell: ({ runs }) => formatCount(runs?.ended ?? 0),
  },
  {
    title: 'Failed',
    isNumber: true,
    isExtra: true,
    rank: failedShare,
    cell: ({ runs }) => (
      <span class={runs?.failed ? 'bad' : 'none'}>{runs ? formatShare(runs.failed, runs.ended) : '–'}</span>
    ),
  },
  { title: 'Queues', isExtra: true, cell: ({ queues }) => queues.join(', ') },
  {
    title: 'Seen',
    isNumber: true,
    isExtra: true,
    rank: ({ connectedAt, lastSeenAt }) => connectedAt ?? lastSeenAt ?? '',
    cell: ({ connectedAt, lastSeenAt }) => <Ago at={connectedAt ?? lastSeenAt} />,
  },
];

export function Clients() {
  const { data, error } = usePolled('clients', readClients);
  const name = route.value.params.get('name') ?? '';
  const wanted = name.toLowerCase();
  const rows = (data?.items ?? []).filter(
    ({ client, labels }) =>
      client.toLowerCase().includes(wanted) || Object.entries(labels).some((pair) => pair.join('=').includes(wanted)),
  );
  return (
    <>
      <Heading title="Clients" />
      <Trouble error={error} />
      <div class="filter">
        <input
          type="text"
          aria-label="Part of an id, or a label"
          placeholder="Part of an id, or key=value of a label"
          value={name}
          onInput={(event) => changeParams({ name: event.currentTarget.value })}
        />
        {data && (
          <span class="quiet" role="status">
            {formatCount(rows.filter(({ connected }) => connected).length)} connected, {formatCount(rows.length)} in all
            {data.isCut && ', as many as are looked at'}
          </span>
        )}
      </div>
      {data && (
        <Table
          label="Clients"
          rows={rows}
          columns={COLUMNS}
          keyOf={({ client }) => client}
          order="Client"
          empty={
            name ? (
              <h3>No client is called so, or has such a label</h3>
            ) : (
              <>
                <h3>No client is connected</h3>
                <p>A worker that registers is seen here at once.</p>
                <pre>contact work lines --concurrency 8 -- sha256sum</pre>
              </>
            )
          }
        />
      )}
    </>
  );
}
