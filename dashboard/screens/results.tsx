import { useEffect, useRef, useState } from 'preact/hooks';
import { RESULTS } from '../api.ts';
import { followEvents } from '../events.ts';
import { formatCount, formatDuration } from '../format.ts';
import { linkTo } from '../link.ts';
import { Heading } from '../parts/heading.tsx';
import { Trouble } from '../parts/notice.tsx';
import { State } from '../parts/state.tsx';
import { type Column, Table } from '../parts/table.tsx';
import { Ago } from '../parts/time.tsx';
import { RequestError } from '../request.ts';
import { changeParams, route } from '../route.ts';
import type { Result } from '../shapes.ts';

/** Results that are kept, the newest. */
const MAX_RESULTS = 500;
/** What comes within this time is drawn at once, however much it is. */
const DRAW_MS = 250;

const COLUMNS: readonly Column<Result>[] = [
  {
    title: 'Task',
    cell: ({ id }) => (
      <a class="mono" href={linkTo(['tasks', id])} title={id} aria-label={`task ${id}`}>
        {id.slice(-12)}
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
  { title: 'Result', isWide: true, cell: (row) => <Outcome result={row} /> },
  { title: 'Client', isExtra: true, cell: ({ client }) => client },
  {
    title: 'Took',
    isNumber: true,
    isExtra: true,
    cell: ({ claimedAt, settledAt }) => claimedAt && formatDuration(Date.parse(settledAt) - Date.parse(claimedAt)),
  },
  { title: 'Settled', isNumber: true, isExtra: true, cell: ({ settledAt }) => <Ago at={settledAt} /> },
];

function Outcome({ result: { state, error, result } }: { readonly result: Result }) {
  if (error) {
    return (
      <span title={error.message}>
        {error.code && <code class={state === 'failed' ? 'bad' : ''}>{error.code}</code>} {error.message}
      </span>
    );
  }
  return <code>{result === undefined ? '' : JSON.stringify(result).slice(0, 200)}</code>;
}

/** Tasks as they are settled, the newest first. */
export function Results() {
  const queue = route.value.params.get('queue') ?? '';
  const [isHeld, setHeld] = useState(false);
  const { rows, count, state, error } = useResults(queue, isHeld);
  return (
    <>
      <Heading title="Live results" beside={<State state={state} />}>
        <button type="button" class="button" aria-pressed={isHeld} onClick={() => setHeld(!isHeld)}>
          {isHeld ? 'Go on' : 'Hold'}
        </button>
      </Heading>
      <Trouble error={error} />
      <div class="filter">
        <input
          type="text"
          aria-label="Name of a queue"
          placeholder="All queues, or the name of one"
          value={queue}
          onChange={(event) => changeParams({ queue: event.currentTarget.value.trim() })}
        />
        <span class="quiet">
          {formatCount(count)} since you look
          {count > MAX_RESULTS && `, the newest ${formatCount(MAX_RESULTS)} are here`}
        </span>
      </div>
      <Table
        label="Results"
        rows={rows}
        columns={COLUMNS}
        keyOf={({ cursor }) => cursor}
        empty={
          <>
            <h3>Nothing has settled since you look</h3>
            <p>A task that ends is seen here at once, however it ends.</p>
          </>
        }
      />
    </>
  );
}

interface Seen {
  readonly rows: readonly Result[];
  readonly count: number;
}

const NOTHING: Seen = { rows: [], count: 0 };

function useResults(queue: string, isHeld: boolean) {
  const [seen, setSeen] = useState<Seen>(NOTHING);
  const [state, setState] = useState<'connecting' | 'connected' | 'away'>('connecting');
  const [error, setError] = useState<RequestError>();
  const held = useRef(isHeld);
  held.current = isHeld;
  useEffect(() => {
    const ended = new AbortController();
    // What came and is not drawn yet, the newest last: bounded as what is drawn.
    let fresh: Result[] = [];
    let count = 0;
    setSeen(NOTHING);
    const drawing = setInterval(() => {
      if (held.current || fresh.length === 0) return;
      const newest = fresh.toReversed();
      fresh = [];
      setSeen(({ rows }) => ({ rows: [...newest, ...rows].slice(0, MAX_RESULTS), count }));
    }, DRAW_MS);
    followEvents(RESULTS, {
      query: { from: 'now', ...(queue && { queue }) },
      signal: ended.signal,
      onEvents: (events) => {
        count += events.length;
        for (const { data } of events) fresh.push(JSON.parse(data) as Result);
        if (fresh.length > MAX_RESULTS) fresh = fresh.slice(-MAX_RESULTS);
      },
      onState: (now) => {
        setState(now === 'open' ? 'connected' : 'away');
        setError(undefined);
      },
    }).catch((caught: unknown) => {
      setState('away');
      setError(caught instanceof RequestError ? caught : new RequestError('INTERNAL', String(caught)));
    });
    return () => {
      ended.abort();
      clearInterval(drawing);
    };
  }, [queue]);
  return { ...seen, state, error };
}
