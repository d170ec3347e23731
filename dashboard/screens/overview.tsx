import { useMemo } from 'preact/hooks';
import { readQueues } from '../all.ts';
import { listActs, listFailures } from '../api.ts';
import { findMatters, type Matter } from '../attention.ts';
import { formatBytes, formatCount } from '../format.ts';
import { linkTo } from '../link.ts';
import { Acts } from '../parts/acts.tsx';
import { FailureGroups } from '../parts/failures.tsx';
import { Heading, Section } from '../parts/heading.tsx';
import { Hour } from '../parts/history.tsx';
import { Trouble } from '../parts/notice.tsx';
import { usePolled } from '../poll.ts';
import { isOperator, now, server } from '../session.ts';
import type { Queue, Server } from '../shapes.ts';

/** Failures of the last hour. */
const SINCE_MS = 3_600_000;
const MAX_GROUPS = 5;
const MAX_ACTS = 6;
const SELDOM_MS = 5_000;

export function Overview() {
  const queues = usePolled('queues', readQueues);
  const items = queues.data?.items;
  const matters = useMemo(() => findMatters(server.value, items ?? [], now.peek()), [items, server.value]);
  return (
    <>
      <Heading title="Overview" />
      <Trouble error={queues.error} />
      {items && <Totals queues={items} server={server.value} />}
      {items && items.length > 0 && <Hour />}
      {items?.length === 0 ? <Begin /> : items && <Matters matters={matters} />}
      <div class="columns">
        <Failed />
        {isOperator.value && <Done />}
      </div>
    </>
  );
}

function Totals({ queues, server: about }: { readonly queues: readonly Queue[]; readonly server: Server | undefined }) {
  const sum = (name: 'ready' | 'scheduled' | 'running' | 'failed' | 'succeeded'): number =>
    queues.reduce((total, queue) => total + queue[name], 0);
  const failed = sum('failed');
  return (
    <dl class="tiles">
      <Tile name="Ready" value={sum('ready')} params={{ state: 'ready' }} />
      <Tile name="Scheduled" value={sum('scheduled')} params={{ state: 'scheduled' }} />
      <Tile name="Running" value={sum('running')} params={{ state: 'running' }} />
      <Tile name="Failed" value={failed} params={{ state: 'failed' }} isBad={failed > 0} />
      <Tile name="Succeeded, kept" value={sum('succeeded')} params={{ state: 'succeeded' }} />
      {isOperator.value && about && (
        <div class="tile">
          <dt>Sessions of workers</dt>
          <dd>{formatCount(about.sessions)}</dd>
          {about.space && <dd class="under">{formatBytes(about.space.databaseBytes)} stored</dd>}
        </div>
      )}
    </dl>
  );
}

interface TileProps {
  readonly name: string;
  readonly value: number;
  readonly params: Readonly<Record<string, string>>;
  readonly isBad?: boolean;
}

function Tile({ name, value, params, isBad = false }: TileProps) {
  return (
    <div class="tile">
      <dt>{name}</dt>
      <dd>
        <a class={isBad ? 'bad' : ''} href={linkTo(['tasks'], params)} aria-label={`${formatCount(value)} ${name}`}>
          {formatCount(value)}
        </a>
      </dd>
    </div>
  );
}

function Matters({ matters }: { readonly matters: readonly Matter[] }) {
  return (
    <Section title="Needs attention">
      {matters.length === 0 ? (
        <p class="calm">Nothing does: no task has failed, and all that waits has somebody to take it.</p>
      ) : (
        <ul class="attention">
          {matters.map(({ key, isGrave, text, detail, link }) => (
            <li key={key} class={isGrave ? 'grave' : ''}>
              <i aria-hidden="true" />
              <p title={text}>{text}</p>
              {link && (
                <a href={link.href} aria-label={`${link.text}: ${text}`}>
                  {link.text}
                </a>
              )}
              {detail && (
                <p class="detail" title={detail}>
                  {detail}
                </p>
              )}
            </li>
          ))}
        </ul>
      )}
    </Section>
  );
}

/** What a server says that has nothing yet. */
function Begin() {
  return (
    <div class="empty">
      <h3>The server is up, and has nothing to do yet</h3>
      <p>Start a worker, and give it a task; both will be seen here.</p>
      <pre>{'contact work lines -- sha256sum &\ncontact enqueue lines \'"hello"\' --wait'}</pre>
    </div>
  );
}

function Failed() {
  const { data, error } = usePolled(
    'failures',
    (signal) => listFailures({ since: new Date(now.peek() - SINCE_MS).toISOString(), limit: MAX_GROUPS }, signal),
    SELDOM_MS,
  );
  return (
    <Section title="Failures of the last hour">
      <Trouble error={error} />
      {data && <FailureGroups failures={data} />}
    </Section>
  );
}

function Done() {
  const { data, error } = usePolled('acts', (signal) => listActs({ limit: MAX_ACTS }, signal), SELDOM_MS);
  return (
    <Section title="What operators did">
      <Trouble error={error} />
      {data && <Acts acts={data.items} />}
    </Section>
  );
}
