import { openStore } from '../../server/store/open.ts';
import { hashOf, newCredentialId } from '../scene/credentials.ts';
import { T0 } from '../scene/tasks.ts';

// Lets clients in by a join until it is killed, some at a time, and revokes every third that it let in. Each answer is a line
// once it has come: `enrolled CLIENT ID`, `revoked CLIENT ID`.

const [url, joinId, prefix] = process.argv.slice(2) as [string, string, string];
const store = await openStore(url, { node: 'test' });

async function letIn(n: number): Promise<void> {
  const clientId = `${prefix}-${n}`;
  const enrolled = await store.enrolClient({ joinId, clientId, id: newCredentialId(), hash: hashOf() }, T0);
  if (typeof enrolled === 'string') throw new Error(enrolled);
  console.log(`enrolled ${clientId} ${enrolled.id}`);
  if (n % 3 > 0) return;
  await store.revokeCredential(enrolled.id, T0 + 1);
  console.log(`revoked ${clientId} ${enrolled.id}`);
}

for (let n = 0; ; n += 10) await Promise.all(Array.from({ length: 10 }, (_, i) => letIn(n + i)));
