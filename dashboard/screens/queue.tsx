import { useState } from 'preact/hooks';
import { readQueue } from '../all.ts';
import { countTasks, listActs, listFailures, pauseQueue, purgeQueue, resumeQueue } from '../api.ts';
import { BULK, narrowFilter } from '../bulk.ts';
import { formatCount, formatDuration, formatTasks } from '../format.ts';
import { linkTo } from '../link.ts';
import { Acts } from '../parts/acts.tsx';
import { BulkDialog } from '../parts/bulk.tsx';
import { Count } from '../parts/count.tsx';
import { Confirm } from '../parts/dialog.tsx';
import { Fact, Facts } from '../parts/facts.tsx';
import { FailureGroups } from '../parts/failures.tsx';
import { Heading, Section } from '../parts/heading.tsx';
import { Hour } from '../parts/history.tsx';
import { Trouble, tell, tellOf } from '../parts/notice.tsx';
import { State } from '../parts/state.tsx';
import { Age } from '../parts/time.tsx';
import { usePolled } from '../poll.ts';
import { isOperator } from '../session.ts';
import type { Queue } from '../shapes.ts';
import { oldestOf } from './queues.tsx';

const SELDOM_MS = 5_000;
const MAX_GROUPS = 10;
const MAX_ACTS = 8;
const RETRY = BULK.find(({ act }) => act === 'retry')!;

export function QueueScreen({ name }: { readonly name: string }) {
  const { data: queue, error } = usePolled(`queue ${name}`, (signal) => readQueue(name, signal));
  const failures = usePolled(
    `failures ${name}`,
    (signal) => listFailures({ queue: [name], limit: MAX_GROUPS }, signal),
    SELDOM_MS,
  );
  return (
    <>
      <Heading
        title={name}
        above={{ text: 'Queues', href: linkTo(['queues']) }}
        beside={queue?.paused && <State state="paused" />}
      >
        {queue && isOperator.value && <Orders queue={queue} />}
      </Heading>
      <Trouble error={error} />
      {queue && <Why queue={queue} />}
      {queue && <Counts queue={queue} />}
      {queue && <Hour queue={name} />}
      {queue && <Settings queue={queue} />}
      <div class="columns">
        <Section
          title="What failed"
          aside={<a href={linkTo(['tasks'], { queue: name, state: 'failed' })}>Failed tasks</a>}
        >
          <Trouble error={failures.error} />
          {failures.data && <FailureGroups failures={failures.data} queue={name} />}
        </Section>
        {isOperator.value && <Done name={name} />}
      </div>
    </>
  );
}

/** What an operator can do to a queue. */
function Orders({ queue: { queue, paused, failed, ready, scheduled } }: { readonly queue: Queue }) {
  const [asked, setAsked] = useState<'purge' | 'retry'>();
  const close = (): void => setAsked(undefined);
  const pause = async (): Promise<void> => {
    await (paused
      ? tellOf(resumeQueue(queue), `${queue} goes on`)
      : tellOf(pauseQueue(queue), `${queue} is paused: what runs goes on, nothing new begins`));
  };
  const purge = async (): Promise<void> => {
    close();
    try {
      const { cancelled } = await purgeQueue(queue);
      tell(`${formatTasks(cancelled)} cancelled`);
    } catch (error) {
      tell(error instanceof Error ? error.message : String(error), true);
    }
  };
  return (
    <>
      {failed > 0 && (
        <button type="button" class="button primary" onClick={() => setAsked('retry')}>
          Run again {formatCount(failed)} …
        </button>
      )}
      <button type="button" class="button" onClick={() => void pause()}>
        {paused ? 'Resume' : 'Pause'}
      </button>
      {ready + scheduled > 0 && (
        <button type="button" class="button" onClick={() => setAsked('purge')}>
          Cancel what waits …
        </button>
      )}
      {asked === 'retry' && (
        <BulkDialog
          kind={RETRY}
          filter={narrowFilter({ queues: [queue] }, RETRY)!}
          words={`failed, of ${queue}`}
          onClose={close}
          onDone={() => {
            close();
          }}
        />
      )}
      {asked === 'purge' && <Purge queue={queue} onConfirm={() => void purge()} onClose={close} />}
    </>
  );
}

interface PurgeProps {
  readonly queue: string;
  readonly onConfirm: () => void;
  readonly onClose: () => void;
}

function Purge({ queue, onConfirm, onClose }: PurgeProps) {
  const { data } = usePolled(`waiting ${queue}`, (signal) =>
    countTasks({ queues: [queue], states: ['ready', 'scheduled'] }, signal),
  );
  const tasks = data ? formatTasks(data.total) : 'tasks';
  return (
    <Confirm
      title={`Cancel what waits in ${queue}?`}
      verb={`Cancel ${tasks}`}
      isGrave
      onConfirm={onConfirm}
      onClose={onClose}
    >
      <p>{tasks} wait in it now. What runs goes on.</p>
    </Confirm>
  );
}

/** Why what is ready does not run. */
function Why({ queue: { waiting, unroutable } }: { readonly queue: Queue }) {
  if (!waiting || waiting.kind === 'turn') return null;
  return (
    <div class="why">
      <p>
        <strong>Waiting for {waiting.text}</strong>
      </p>
      {waiting.others.map((other) => (
        <p key={other.text} class="more">
          and then for {other.text}
        </p>
      ))}
      {unroutable > 0 && <p class="more">{formatTasks(unroutable)} may be taken by no client that is there.</p>}
    </div>
  );
}

function Counts({ queue }: { readonly queue: Queue }) {
  const link = (state: string): string => linkTo(['tasks'], { queue: queue.queue, state });
  const tile = (state: 'ready' | 'scheduled' | 'running' | 'failed' | 'succeeded' | 'cancelled' | 'expired') => (
    <div class="tile">
      <dt>{state}</dt>
      <dd>
        <Count value={queue[state]} href={link(state)} label={state} isBad={state === 'failed'} />
      </dd>
    </div>
  );
  return (
    <dl class="tiles">
      {tile('ready')}
      {tile('scheduled')}
      {tile('running')}
      {tile('failed')}
      {tile('succeeded')}
      {tile('cancelled')}
      {tile('expired')}
    </dl>
  );
}

function Settings({ queue }: { readonly queue: Queue }) {
  const { limits, retention, ownRetention, workers } = queue;
  const kept = [
    retention?.maxAgeMs && `for ${formatDuration(retention.maxAgeMs)}`,
    retention?.maxTasks && `the newest ${formatCount(retention.maxTasks)}`,
  ].filter(Boolean);
  return (
    <Facts>
      <Fact name="Oldest that is ready">
        <Age at={oldestOf(queue)} />
      </Fact>
      <Fact name="Sessions that draw from it">{formatCount(workers)}</Fact>
      <Fact name="May wait">{limits?.maxWaiting ? formatTasks(limits.maxWaiting) : 'as many as there are'}</Fact>
      <Fact name="May run at once">
        {limits?.maxRunning ? formatTasks(limits.maxRunning) : 'as many as workers take'}
      </Fact>
      {retention && (
        <Fact name="Settled tasks are kept">
          {kept.join(', ') || 'for ever'}
          {!ownRetention && <small> as the server says</small>}
        </Fact>
      )}
    </Facts>
  );
}

function Done({ name }: { readonly name: string }) {
  const { data, error } = usePolled(
    `acts ${name}`,
    (signal) => listActs({ queue: [name], limit: MAX_ACTS }, signal),
    SELDOM_MS,
  );
  return (
    <Section title="What operators did">
      <Trouble error={error} />
      {data && <Acts acts={data.items} />}
    </Section>
  );
}
