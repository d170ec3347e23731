import { formatCount } from '../format.ts';
import { linkTo } from '../link.ts';
import type { FailureGroup, Failures } from '../shapes.ts';
import { Ago } from './time.tsx';

/** What failed, in groups of errors that are alike. Each leads to its tasks, or to the newest of them. */
export function FailureGroups({ failures, queue }: { readonly failures: Failures; readonly queue?: string }) {
  const { groups, otherGroups, otherFailures } = failures;
  if (groups.length === 0) return <p class="calm">Nothing has failed.</p>;
  return (
    <ul class="groups">
      {groups.map((group) => (
        <Group key={`${group.error?.code} ${group.error?.message}`} group={group} {...(queue && { queue })} />
      ))}
      {otherGroups > 0 && (
        <li>
          <p class="quiet">
            {formatCount(otherFailures)} more failures in {formatCount(otherGroups)} other groups
          </p>
        </li>
      )}
    </ul>
  );
}

function Group({ group, queue }: { readonly group: FailureGroup; readonly queue?: string }) {
  const { error, count, finalCount, newest } = group;
  const code = error?.code;
  const tasks = linkTo(['tasks'], { state: 'failed', queue: queue ?? newest.queue, error: code });
  return (
    <li>
      <p>
        {code && <code class="bad">{code}</code>} {error?.message ?? 'Errors of many kinds'}
      </p>
      <strong>{formatCount(count)}</strong>
      <p class="quiet">
        {finalCount > 0 ? <a href={tasks}>{formatCount(finalCount)} for good</a> : 'all run again'}
        {' · newest '}
        <Ago at={newest.failedAt} /> <a href={linkTo(['tasks', newest.task])}>its task</a>
        {!queue && (
          <>
            {' in '}
            <a href={linkTo(['queues', newest.queue])}>{newest.queue}</a>
          </>
        )}
      </p>
    </li>
  );
}
