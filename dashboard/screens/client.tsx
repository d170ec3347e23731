import { useState } from 'preact/hooks';
import { orderClient, readClient } from '../api.ts';
import { formatBytes, formatCount, formatDuration, formatShare } from '../format.ts';
import { linkTo } from '../link.ts';
import { Confirm } from '../parts/dialog.tsx';
import { Fact, Facts } from '../parts/facts.tsx';
import { Heading, Section } from '../parts/heading.tsx';
import { Trouble, tellOf } from '../parts/notice.tsx';
import { State } from '../parts/state.tsx';
import { type Column, Table } from '../parts/table.tsx';
import { Ago } from '../parts/time.tsx';
import { usePolled } from '../poll.ts';
import { isOperator } from '../session.ts';
import type { ClientDetail } from '../shapes.ts';
import { stateOf } from './clients.tsx';

type Held = ClientDetail['sessions'][number]['tasks'][number];

const HELD: readonly Column<Held>[] = [
  {
    title: 'Task',
    isWide: true,
    cell: ({ id }) => (
      <a class="mono" href={linkTo(['tasks', id])}>
        {id}
      </a>
    ),
  },
  { title: 'Delivery', isNumber: true, isExtra: true, cell: ({ delivery }) => delivery },
  {
    title: 'State',
    cell: ({ started, cancelRequested }) => (cancelRequested ? 'asked to stop' : started ? 'begun' : 'not begun'),
  },
];

export function ClientScreen({ name }: { readonly name: string }) {
  const { data: client, error } = usePolled(`client ${name}`, (signal) => readClient(name, signal));
  return (
    <>
      <Heading
        title={name}
        above={{ text: 'Clients', href: linkTo(['clients']) }}
        beside={client && <State state={stateOf(client)} />}
      >
        {client && isOperator.value && <Orders client={client} />}
      </Heading>
      <Trouble error={error} />
      {client && <About client={client} />}
      {client?.sessions.map((session) => (
        <Section
          key={session.connectedAt ?? session.peer ?? ''}
          title={`Session${session.peer ? ` from ${session.peer}` : ''}`}
          aside={
            <span class="quiet">
              since <Ago at={session.connectedAt} />, {session.running} of {session.maxInFlight} tasks
              {session.unreceiptedBytes > 0 && `, ${formatBytes(session.unreceiptedBytes)} not seen yet`}
            </span>
          }
        >
          <Table
            label="Tasks that the session has"
            rows={session.tasks}
            columns={HELD}
            keyOf={({ id, delivery }) => `${id} ${delivery}`}
            empty="It has no task at the moment."
          />
        </Section>
      ))}
      {client && client.methods.length > 0 && (
        <Section title="Methods that it serves">
          <ul class="groups">
            {client.methods.map(({ method, calls }) => (
              <li key={method}>
                <p class="mono">{method}</p>
                <span>{formatCount(calls)} calls</span>
              </li>
            ))}
          </ul>
        </Section>
      )}
    </>
  );
}

function Orders({ client: { client, draining, connected } }: { readonly client: ClientDetail }) {
  const [isAsked, setAsked] = useState(false);
  const drain = async (): Promise<void> => {
    await (draining
      ? tellOf(orderClient(client, 'resume'), `${client} takes tasks again`)
      : tellOf(orderClient(client, 'drain'), `${client} finishes what it has, and takes nothing new`));
  };
  const disconnect = async (): Promise<void> => {
    setAsked(false);
    await tellOf(orderClient(client, 'disconnect'), `${client} was disconnected`);
  };
  return (
    <>
      <button type="button" class="button" onClick={() => void drain()}>
        {draining ? 'Resume' : 'Drain'}
      </button>
      {connected && (
        <button type="button" class="button" onClick={() => setAsked(true)}>
          Disconnect …
        </button>
      )}
      {isAsked && (
        <Confirm
          title={`Disconnect ${client}?`}
          verb="Disconnect"
          isGrave
          onConfirm={() => void disconnect()}
          onClose={() => setAsked(false)}
        >
          <p>Its streams are closed once; it may come again at once. To keep tasks from it, drain it.</p>
        </Confirm>
      )}
    </>
  );
}

function About({ client }: { readonly client: ClientDetail }) {
  const { runs, oldestRunning, labels } = client;
  const pairs = Object.entries(labels);
  return (
    <Facts>
      <Fact name="Running">
        <a href={linkTo(['tasks'], { client: client.client, state: 'running' })}>
          {formatCount(client.running)} of {formatCount(client.maxInFlight)}
        </a>
      </Fact>
      {runs && (
        <Fact name="Ended within an hour">
          {formatCount(runs.ended)},{' '}
          <span class={runs.failed > 0 ? 'bad' : 'quiet'}>{formatShare(runs.failed, runs.ended)} failed</span>
        </Fact>
      )}
      {runs?.p50Ms !== undefined && (
        <Fact name="Took, p50 and p99">
          {formatDuration(runs.p50Ms)}, {formatDuration(runs.p99Ms ?? runs.p50Ms)}
        </Fact>
      )}
      {oldestRunning && (
        <Fact name="Has run longest">
          <a href={linkTo(['tasks', oldestRunning.id])}>
            since <Ago at={oldestRunning.since} />
          </a>
        </Fact>
      )}
      <Fact name={client.connected ? 'Connected' : 'Last seen'}>
        <Ago at={client.connectedAt ?? client.lastSeenAt} />
      </Fact>
      <Fact name="Queues">
        {client.queues.map((queue, place) => (
          <span key={queue}>
            {place > 0 && ', '}
            <a href={linkTo(['queues', queue])}>{queue}</a>
          </span>
        ))}
        {client.queues.length === 0 && <span class="none">none</span>}
      </Fact>
      {pairs.length > 0 && <Fact name="Labels">{pairs.map((pair) => pair.join('=')).join(', ')}</Fact>}
      {client.status && <Fact name="Says of itself">{client.status}</Fact>}
      {client.agent && <Fact name="Program">{client.agent}</Fact>}
      {client.principal && <Fact name="Whose it is">{client.principal}</Fact>}
      {client.maxCalls > 0 && (
        <Fact name="Live calls">
          {formatCount(client.calls)} of {formatCount(client.maxCalls)}
        </Fact>
      )}
    </Facts>
  );
}
