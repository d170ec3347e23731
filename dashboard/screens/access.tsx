import { useState } from 'preact/hooks';
import { readCredentials } from '../all.ts';
import { revokeCredential } from '../api.ts';
import { formatCount } from '../format.ts';
import { Confirm } from '../parts/dialog.tsx';
import { Heading } from '../parts/heading.tsx';
import { Trouble, tellOf } from '../parts/notice.tsx';
import { State } from '../parts/state.tsx';
import { type Column, Table } from '../parts/table.tsx';
import { Ago } from '../parts/time.tsx';
import { usePolled } from '../poll.ts';
import { now } from '../session.ts';
import type { Credential } from '../shapes.ts';

const SELDOM_MS = 10_000;

function stateOf({ revokedAt, expiresAt, usesLeft }: Credential): string {
  if (revokedAt) return 'revoked';
  if (expiresAt && Date.parse(expiresAt) <= now.value) return 'expired';
  return usesLeft === 0 ? 'used up' : 'valid';
}

/** What it allows, in a line. */
function rightsOf({ rights: { roles, queues, clients } }: Credential): string {
  const parts = [
    roles.join(', '),
    queues.length > 0 && `queues ${queues.join(', ')}`,
    clients.length > 0 && `clients ${clients.join(', ')}`,
  ];
  return parts.filter(Boolean).join(' · ');
}

/** Who may call: tokens, joins, and clients that came by one. */
export function Access() {
  const { data, error } = usePolled('credentials', readCredentials, SELDOM_MS);
  const [asked, setAsked] = useState<Credential>();
  const columns: readonly Column<Credential>[] = [
    { title: 'Name', rank: ({ name }) => name, cell: ({ name }) => <strong>{name}</strong> },
    { title: 'Kind', rank: ({ kind }) => kind, cell: ({ kind }) => kind },
    { title: 'State', rank: stateOf, cell: (row) => <State state={stateOf(row)} /> },
    {
      title: 'What it allows',
      isWide: true,
      isExtra: true,
      cell: (row) => <span title={rightsOf(row)}>{rightsOf(row)}</span>,
    },
    {
      title: 'Lets in',
      isNumber: true,
      isExtra: true,
      cell: ({ kind, usesLeft }) => (kind !== 'join' ? '' : usesLeft === undefined ? 'any' : formatCount(usesLeft)),
    },
    {
      title: 'Used',
      isNumber: true,
      isExtra: true,
      rank: ({ lastUsedAt }) => lastUsedAt ?? '',
      cell: ({ lastUsedAt }) => <Ago at={lastUsedAt} />,
    },
    { title: 'Expires', isNumber: true, isExtra: true, cell: ({ expiresAt }) => <Ago at={expiresAt} /> },
    {
      title: 'Act',
      cell: (row) =>
        stateOf(row) === 'valid' && (
          <button type="button" class="link" onClick={() => setAsked(row)}>
            Revoke …<span class="heard"> {row.name}</span>
          </button>
        ),
    },
  ];
  const revoke = async ({ id, name }: Credential): Promise<void> => {
    setAsked(undefined);
    await tellOf(revokeCredential(id), `${name} is revoked`);
  };
  return (
    <>
      <Heading title="Access" />
      <Trouble error={error} />
      {data && (
        <Table
          label="Credentials"
          rows={data.items}
          columns={columns}
          keyOf={({ id }) => id}
          empty={
            <>
              <h3>There is no token and no join yet</h3>
              <p>
                A token is for a program of yours, a join lets clients in, each of which gets a credential of its own.
              </p>
              <pre>
                {'contact token create web --role producer --queue "mails/*"\ncontact join create fleet --queue robots'}
              </pre>
            </>
          }
        />
      )}
      {asked && (
        <Confirm
          title={`Revoke ${asked.name}?`}
          verb="Revoke"
          isGrave
          onConfirm={() => void revoke(asked)}
          onClose={() => setAsked(undefined)}
        >
          <p>It is worth nothing any more, at once and for good: what runs by it ends within a second.</p>
        </Confirm>
      )}
    </>
  );
}
