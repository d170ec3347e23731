import assert from 'node:assert/strict';
import { readFileSync } from 'node:fs';
import { join } from 'node:path';
import { ROOT } from '../../scripts/tool.ts';

const RECORD = readFileSync(join(ROOT, 'docs', 'decisions', '0017-ports-over-several-nodes.md'), 'utf8');

/** The interface of each port, by its file. */
const PORTS: Readonly<Record<string, string>> = {
  tasks: 'TaskStore',
  attempts: 'AttemptStore',
  deliveries: 'DeliveryStore',
  sessions: 'SessionStore',
  results: 'ResultStore',
  queues: 'QueueStore',
  clients: 'ClientStore',
  broadcasts: 'BroadcastStore',
  credentials: 'CredentialStore',
  acts: 'ActStore',
  history: 'HistoryStore',
  store: 'Store',
};

function readPort(file: string): string {
  return readFileSync(join(ROOT, 'server', 'store', `${file}.ts`), 'utf8');
}

/** What an interface has, methods and properties. */
function membersOf(file: string, name: string): string[] {
  const body = new RegExp(`^export interface ${name}\\b[^{]*\\{\\n([\\s\\S]*?)^\\}`, 'm').exec(readPort(file))?.[1];
  assert.ok(body, `${name} is in ${file}.ts`);
  return [...body.matchAll(/^ {2}(?:readonly )?(\w+\$?)[(:]/gm)].map(([, member]) => member!);
}

describe('the record of the ports over several nodes', () => {
  for (const [file, name] of Object.entries(PORTS)) {
    it(`says how several nodes keep each part of ${name}`, () => {
      const members = membersOf(file, name);
      assert.ok(members.length >= 1, members.join());
      assert.deepEqual(
        members.filter((member) => !RECORD.includes(`\`${member}\``)),
        [],
      );
    });
  }

  it('has a row for every signal', () => {
    const kinds = [...readPort('signals').matchAll(/readonly kind: '(\w+)'/g)].map(([, kind]) => kind!);
    const rows = RECORD.slice(RECORD.indexOf('## Signals'));
    assert.ok(kinds.length > 10);
    assert.deepEqual(
      [...new Set(kinds)].filter((kind) => !rows.includes(`\`${kind}\``)),
      [],
    );
  });

  it('has no row for an operation that no port has', () => {
    const members = new Set(Object.entries(PORTS).flatMap(([file, name]) => membersOf(file, name)));
    const tables = RECORD.slice(RECORD.indexOf('## Tasks'), RECORD.indexOf('## Signals'));
    const rows = [...tables.matchAll(/^\| `(\w+)` \|/gm)].map(([, member]) => member!);
    assert.ok(rows.length > 30);
    assert.deepEqual(
      rows.filter((member) => !members.has(member)),
      [],
    );
  });
});
