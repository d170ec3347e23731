import { formatDuration, formatInstant } from '../format.ts';
import { linkTo } from '../link.ts';
import { now } from '../session.ts';
import type { Attempt, Task, TaskError } from '../shapes.ts';
import { State } from './state.tsx';
import { Ago } from './time.tsx';

/** What became of a task, in order: that it was stored, each delivery, what operators did. */
export function Timeline({ task }: { readonly task: Task }) {
  const { attempts = [], acts = [] } = task;
  const moments = [
    ...attempts.map((attempt) => ({
      at: attempt.claimedAt ?? attempt.startedAt ?? attempt.endedAt ?? task.createdAt,
      item: <Delivery key={`delivery ${attempt.delivery}`} attempt={attempt} />,
    })),
    ...acts.map((act) => ({
      at: act.at,
      item: (
        <li key={`act ${act.at}`}>
          <p class="moment">
            <strong>{act.kind === 'redriven' ? 'Run again' : 'Cancel asked for'}</strong>
            {act.by && <span>by {act.by}</span>}
            <Ago at={act.at} />
          </p>
          {act.reason && <p>{act.reason}</p>}
        </li>
      ),
    })),
  ].toSorted((a, b) => (a.at < b.at ? -1 : a.at > b.at ? 1 : 0));
  return (
    <ol class="timeline">
      <li>
        <p class="moment">
          <strong>Stored</strong>
          <time dateTime={task.createdAt}>{formatInstant(task.createdAt)}</time>
        </p>
      </li>
      {moments.map(({ item }) => item)}
      {task.settledAt && attempts.at(-1)?.end !== task.state && (
        <li class={task.state}>
          <p class="moment">
            <State state={task.state} />
            <Ago at={task.settledAt} />
          </p>
          <Failure error={task.error} />
        </li>
      )}
    </ol>
  );
}

function Delivery({ attempt }: { readonly attempt: Attempt }) {
  const { claimedAt, startedAt, endedAt, end, client, backoffMs, untouched, log } = attempt;
  const from = startedAt ?? claimedAt;
  const until = endedAt ? Date.parse(endedAt) : now.value;
  return (
    <li class={end}>
      <p class="moment">
        <strong>Attempt {attempt.attempt}</strong>
        <State state={end} />
        {from && (
          <span>
            {end === 'running' ? 'for' : 'after'} {formatDuration(until - Date.parse(from))}
          </span>
        )}
        {client && (
          <span>
            at <a href={linkTo(['clients', client])}>{client}</a>
          </span>
        )}
        {from && <time dateTime={from}>{formatInstant(from)}</time>}
      </p>
      {untouched && <p class="quiet">Nothing was done, and no attempt was burnt.</p>}
      <Failure error={attempt.error} />
      {backoffMs !== undefined && <p class="quiet">The next attempt waited {formatDuration(backoffMs)}.</p>}
      {log.length > 0 && (
        <details open={end === 'running' || end === 'failed'}>
          <summary>
            {log.length} {log.length === 1 ? 'line' : 'lines'} of its worker
          </summary>
          {/* biome-ignore lint/a11y/noNoninteractiveTabindex: what scrolls is reached by the keyboard */}
          <ol class="log" tabIndex={0} aria-label={`Log of attempt ${attempt.attempt}`}>
            {log.map(({ number, at, level, text }) => (
              <li key={number} class={level === 'error' ? 'error-level' : level}>
                <time>{at ? formatInstant(at).slice(11) : ''}</time>
                <span>{level}</span>
                <span>{text}</span>
              </li>
            ))}
          </ol>
        </details>
      )}
    </li>
  );
}

/** An error with the stack that it came from, which is shown when it is asked for. */
function Failure({ error }: { readonly error: TaskError | undefined }) {
  if (!error) return null;
  return (
    <>
      <p class="error">
        {error.code && <code>{error.code}</code>} {error.message}
      </p>
      {error.detail && (
        <details>
          <summary>Where it came from</summary>
          {/* biome-ignore lint/a11y/noNoninteractiveTabindex: what scrolls is reached by the keyboard */}
          {/* biome-ignore lint/a11y/useSemanticElements: what is preformatted is no set of fields */}
          <pre tabIndex={0} role="group" aria-label="Stack">
            {error.detail}
          </pre>
        </details>
      )}
    </>
  );
}
