import { formatCount } from '../format.ts';
import { linkTo } from '../link.ts';
import type { Act } from '../shapes.ts';
import { Ago } from './time.tsx';

const WORDS: Readonly<Record<Act['kind'], string>> = {
  tasks_cancelled: 'cancelled tasks',
  tasks_redriven: 'had tasks run again',
  tasks_deleted: 'deleted tasks',
  queue_purged: 'cancelled what waited',
  queue_paused: 'paused',
  queue_resumed: 'resumed',
  queue_limited: 'limited',
  queue_retained: 'changed the retention of',
  queue_deleted: 'deleted',
  client_drained: 'drained',
  client_resumed: 'resumed',
  client_disconnected: 'disconnected',
  client_forgotten: 'forgot',
  credential_created: 'created a credential',
  credential_rotated: 'rotated a credential',
  credential_revoked: 'revoked a credential',
  backed_up: 'made a backup',
};

/** Who did what, the newest first. */
export function Acts({ acts }: { readonly acts: readonly Act[] }) {
  if (acts.length === 0) return <p class="calm">Nobody has ordered anything yet.</p>;
  return (
    <ul class="groups">
      {acts.map((act) => (
        <li key={`${act.firstAt} ${act.kind} ${act.by} ${act.queue} ${act.client} ${act.credential}`}>
          <p>
            <strong>{act.by}</strong> {WORDS[act.kind]} <About act={act} />
            {act.count > 1 && <span class="quiet"> ({formatCount(act.count)})</span>}
          </p>
          <Ago at={act.at} />
          {act.reason && <p class="quiet">{act.reason}</p>}
        </li>
      ))}
    </ul>
  );
}

function About({ act: { queue, client, principal } }: { readonly act: Act }) {
  if (queue) return <a href={linkTo(['queues', queue])}>{queue}</a>;
  if (client) return <a href={linkTo(['clients', client])}>{client}</a>;
  return <span>{principal}</span>;
}
