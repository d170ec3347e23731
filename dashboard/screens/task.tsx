import { useState } from 'preact/hooks';
import { actOnTask, type BulkAct, readTask } from '../api.ts';
import { BULK } from '../bulk.ts';
import { formatDuration } from '../format.ts';
import { linkTo } from '../link.ts';
import { Confirm } from '../parts/dialog.tsx';
import { Fact, Facts } from '../parts/facts.tsx';
import { Heading, Section } from '../parts/heading.tsx';
import { Trouble, tellOf } from '../parts/notice.tsx';
import { State } from '../parts/state.tsx';
import { Ago } from '../parts/time.tsx';
import { Timeline } from '../parts/timeline.tsx';
import { Value } from '../parts/value.tsx';
import { usePolled } from '../poll.ts';
import { goTo } from '../route.ts';
import { isOperator, mayCancel } from '../session.ts';
import type { Task } from '../shapes.ts';

const LIVE_MS = 1_000;
const SETTLED_MS = 10_000;
const isSettled = ({ state }: Task): boolean => !['scheduled', 'ready', 'running'].includes(state);

export function TaskScreen({ name: id }: { readonly name: string }) {
  const [everyMs, setEveryMs] = useState(LIVE_MS);
  const [asked, setAsked] = useState<BulkAct>();
  const { data: task, error } = usePolled(`task ${id}`, (signal) => readTask(id, signal), everyMs);
  const wanted = task && isSettled(task) ? SETTLED_MS : LIVE_MS;
  if (task && wanted !== everyMs) setEveryMs(wanted);
  const act = async (what: BulkAct): Promise<void> => {
    const kind = BULK.find((one) => one.act === what)!;
    setAsked(undefined);
    const isDone = await tellOf(actOnTask(what, id), `The task is ${kind.done}`);
    if (isDone && what === 'delete') goTo(['tasks']);
  };
  return (
    <>
      <Heading
        title={`Task ${id}`}
        {...(task && { above: { text: task.queue, href: linkTo(['queues', task.queue]) } })}
        beside={task && <State state={task.state} />}
      >
        {task && isOperator.value && task.state === 'failed' && (
          <button type="button" class="button primary" onClick={() => void act('retry')}>
            Run again
          </button>
        )}
        {task && mayCancel.value && !isSettled(task) && (
          <button type="button" class="button" disabled={task.cancelRequested} onClick={() => setAsked('cancel')}>
            {task.cancelRequested ? 'Asked to stop' : 'Cancel …'}
          </button>
        )}
        {task && isOperator.value && isSettled(task) && (
          <button type="button" class="button" onClick={() => setAsked('delete')}>
            Delete …
          </button>
        )}
      </Heading>
      <Trouble error={error} />
      {task && <Waiting task={task} />}
      {task && <About task={task} />}
      {task && (
        <div class="columns">
          <Section title="What happened">
            <Timeline task={task} />
          </Section>
          <Section title="What it is about">
            {'payload' in task && <Value label="Payload" value={task.payload} contentType={task.contentType} />}
            {task.state === 'succeeded' && 'result' in task && (
              <Value label="Result" value={task.result} contentType={task.resultContentType} />
            )}
            {Object.keys(task.metadata).length > 0 && <Value label="Metadata" value={task.metadata} />}
          </Section>
        </div>
      )}
      {asked && (
        <Confirm
          title={asked === 'delete' ? 'Delete this task?' : 'Cancel this task?'}
          verb={asked === 'delete' ? 'Delete' : 'Cancel the task'}
          isGrave
          onConfirm={() => void act(asked)}
          onClose={() => setAsked(undefined)}
        >
          <p>
            {asked === 'delete'
              ? 'It is forgotten with its result, for good.'
              : 'If it waits it is cancelled at once; if it runs its worker is asked to stop.'}
          </p>
        </Confirm>
      )}
    </>
  );
}

/** Why it is not running, or how far it is. */
function Waiting({ task: { state, waiting } }: { readonly task: Task }) {
  if (!waiting) return null;
  const { text, others, progress, until, lastError } = waiting;
  return (
    <div class="why">
      <p>
        <strong>{state === 'running' ? `Running ${text}` : `Waiting for ${text}`}</strong>
        {until && (
          <span class="quiet">
            {' '}
            (<Ago at={until} />)
          </span>
        )}
      </p>
      {progress?.fraction !== undefined && (
        <progress value={progress.fraction} max={1} aria-label={progress.message ?? 'Progress'} />
      )}
      {progress?.message && <p class="more">{progress.message}</p>}
      {lastError && state !== 'running' && (
        <p class="more">
          The newest failure: {lastError.code} {lastError.message}
        </p>
      )}
      {others.length > 0 && (
        <ul>
          {others.map((other) => (
            <li key={other.text}>and then for {other.text}</li>
          ))}
        </ul>
      )}
    </div>
  );
}

function About({ task }: { readonly task: Task }) {
  const { target, children } = task;
  return (
    <Facts>
      <Fact name="Created">
        <Ago at={task.createdAt} />
      </Fact>
      {task.runAt && (
        <Fact name="Due">
          <Ago at={task.runAt} />
        </Fact>
      )}
      {task.expiresAt && (
        <Fact name="Expires">
          <Ago at={task.expiresAt} />
        </Fact>
      )}
      {task.settledAt && (
        <Fact name="Settled">
          <Ago at={task.settledAt} />
        </Fact>
      )}
      <Fact name="Attempt">
        {task.attempt} of {task.maxAttempts}
        {task.lost > 0 && <span class="bad"> · lost {task.lost} times</span>}
      </Fact>
      <Fact name="Priority">{task.priority}</Fact>
      {task.timeoutMs && <Fact name="May take">{formatDuration(task.timeoutMs)}</Fact>}
      {task.client && (
        <Fact name="Client">
          <a href={linkTo(['clients', task.client])}>{task.client}</a>
        </Fact>
      )}
      {target && <Fact name="For">{target.client ?? target.selector}</Fact>}
      {task.key && <Fact name="Idempotency key">{task.key}</Fact>}
      {task.parent && (
        <Fact name="Child of">
          <a href={linkTo(['tasks', task.parent])}>{task.parent}</a>
        </Fact>
      )}
      {children && (
        <Fact name="Children">
          <a href={linkTo(['tasks'], { parent: task.id })}>
            {children.succeeded} of {children.total} succeeded
          </a>
          {children.failed > 0 && <span class="bad"> · {children.failed} failed</span>}
        </Fact>
      )}
    </Facts>
  );
}
