import { useEffect, useState } from 'preact/hooks';
import { countTasks, listFailures, listTasks } from '../api.ts';
import { BULK, type BulkKind, countOf, narrowFilter } from '../bulk.ts';
import { readFilter, STATES } from '../conditions.ts';
import { formatCount } from '../format.ts';
import { linkTo } from '../link.ts';
import { BulkDialog } from '../parts/bulk.tsx';
import { FailureGroups } from '../parts/failures.tsx';
import { FilterForm } from '../parts/filter.tsx';
import { Heading, Section } from '../parts/heading.tsx';
import { Trouble } from '../parts/notice.tsx';
import { TaskTable } from '../parts/tasktable.tsx';
import { usePolled } from '../poll.ts';
import { route } from '../route.ts';
import { isOperator, mayCancel, mayObserve, now } from '../session.ts';

const PAGE_SIZE = 100;
const SELDOM_MS = 5_000;
const MAX_GROUPS = 8;

export function Tasks() {
  const { params } = route.value;
  const key = params.toString();
  const [tokens, setTokens] = useState<readonly string[]>([]);
  const [asked, setAsked] = useState<BulkKind>();
  // Other conditions begin at their first page.
  // The conditions are the key.
  useEffect(() => setTokens([]), [key]);
  const filterNow = () => readFilter(params, now.peek());
  const page = tokens.at(-1) ?? '';
  const list = usePolled(`tasks ${key} ${page}`, (signal) =>
    listTasks(filterNow(), { limit: PAGE_SIZE, ...(page && { page }) }, signal),
  );
  const counts = usePolled(`count ${key}`, (signal) => countTasks({ ...filterNow(), states: [] }, signal), SELDOM_MS);
  const { states = [], queues = [] } = filterNow();
  const title = states.length === 1 ? `Tasks, ${states[0]}` : 'Tasks';
  return (
    <>
      <Heading title={title}>
        {BULK.filter(({ act }) => (act === 'cancel' ? mayCancel.value : isOperator.value)).map((kind) => {
          const narrowed = narrowFilter(filterNow(), kind);
          const count = narrowed && counts.data ? countOf(counts.data, narrowed) : 0;
          if (count === 0) return null;
          return (
            <button
              key={kind.act}
              type="button"
              class={`button${kind.act === 'retry' ? ' primary' : ''}`}
              onClick={() => setAsked(kind)}
            >
              {kind.verb} {formatCount(count)} …
            </button>
          );
        })}
      </Heading>
      <Trouble error={list.error ?? counts.error} />
      <StateChips counts={counts.data} />
      <FilterForm />
      {mayObserve.value && states.length === 1 && states[0] === 'failed' && queues.length > 0 && (
        <Why queues={queues} />
      )}
      {list.data && <TaskTable tasks={list.data.items} isFiltered={key !== ''} />}
      {list.data && (tokens.length > 0 || list.data.nextPage) && (
        <nav class="pager" aria-label="Pages of tasks">
          <span class="quiet">Page {tokens.length + 1}</span>
          <button
            type="button"
            class="button"
            disabled={tokens.length === 0}
            onClick={() => setTokens(tokens.slice(0, -1))}
          >
            Newer
          </button>
          <button
            type="button"
            class="button"
            disabled={!list.data.nextPage}
            onClick={() => setTokens([...tokens, list.data!.nextPage!])}
          >
            Older
          </button>
        </nav>
      )}
      {asked && (
        <BulkDialog
          kind={asked}
          filter={narrowFilter(filterNow(), asked)!}
          words={describe(params)}
          onClose={() => setAsked(undefined)}
          onDone={() => setAsked(undefined)}
        />
      )}
    </>
  );
}

function describe(params: URLSearchParams): string {
  const words = [...params].map(([name, value]) => `${name} ${value}`);
  return words.length === 0 ? 'of all queues' : words.join(', ');
}

/** Each state with how many tasks the other conditions find in it. */
function StateChips({ counts }: { readonly counts: Readonly<Record<string, unknown>> | undefined }) {
  const { params } = route.value;
  const chosen = params.getAll('state');
  const toggled = (state: string): string => {
    const others = [...params].filter(([name]) => name !== 'state');
    const states = chosen.includes(state) ? chosen.filter((one) => one !== state) : [state];
    return `${linkTo(['tasks'])}?${new URLSearchParams([...others, ...states.map((one) => ['state', one])])}`;
  };
  return (
    <nav class="filter" aria-label="States">
      <ul class="chips">
        {STATES.map((state) => (
          <li key={state}>
            <a
              class={`chip${chosen.includes(state) ? ' set' : ''}`}
              href={toggled(state)}
              {...(chosen.includes(state) && { 'aria-current': 'true' })}
            >
              {state}
              <strong>{counts ? formatCount(Number(counts[state] ?? 0)) : '…'}</strong>
            </a>
          </li>
        ))}
      </ul>
    </nav>
  );
}

/** Why the tasks of these queues failed, before they are run again. */
function Why({ queues }: { readonly queues: readonly string[] }) {
  const { data } = usePolled(
    `why ${queues.join(' ')}`,
    (signal) => listFailures({ queue: queues, limit: MAX_GROUPS }, signal),
    SELDOM_MS,
  );
  if (!data || data.groups.length === 0) return null;
  return (
    <Section title="Why they failed">
      <FailureGroups failures={data} queue={queues[0]!} />
    </Section>
  );
}
