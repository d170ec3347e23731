import assert from 'node:assert/strict';
import { rmSync } from 'node:fs';
import { join } from 'node:path';
import type { StoredCredential } from '../../server/store/credentials.ts';
import { openStore } from '../../server/store/open.ts';
import type { Store } from '../../server/store/store.ts';
import { createJoin, hashOf, newCredentialId } from '../scene/credentials.ts';
import { createFolder } from '../scene/folder.ts';
import { isFull } from '../scene/full.ts';
import { startProgram } from '../scene/program.ts';
import { T0 } from '../scene/tasks.ts';

const ROUNDS = isFull ? 20 : 3;
const USES = 100_000;

async function listAll(store: Store): Promise<readonly StoredCredential[]> {
  const all: StoredCredential[] = [];
  for (let page = await store.listCredentials('', 500); page.length > 0; ) {
    all.push(...page);
    page = await store.listCredentials(page.at(-1)!.id, 500);
  }
  return all;
}

describe('credentials of a process that is killed', function () {
  this.timeout(300_000);

  it('are those that it was told of, each with the use that it cost, and revoked ones stay out', async () => {
    const folder = createFolder();
    const url = `sqlite:${join(folder, 'contact.db')}`;
    const gate = createJoin({ usesLeft: USES, expiresAt: null, rights: { ...createJoin().rights, clients: ['*'] } });
    const first = await openStore(url, { node: 'test' });
    await first.createCredential(gate, T0);
    await first.close();
    const told: string[] = [];
    for (let round = 0; round < ROUNDS; round += 1) {
      const args = [join(import.meta.dirname, 'enroller.ts'), url, gate.id, `round-${round}`];
      const program = startProgram(process.execPath, args, { folder });
      await program.waitForLine(new RegExp(`^revoked round-${round}-${30 + round * 7 - ((round * 7) % 3)} `));
      await program.stop('SIGKILL');
      told.push(...program.lines);

      const store = await openStore(url, { node: 'test' });
      const byId = new Map((await listAll(store)).map((one) => [one.id, one]));
      const clients = [...byId.values()].filter(({ kind }) => kind === 'client');
      assert.equal(byId.get(gate.id)!.usesLeft, USES - clients.length);
      for (const line of told) {
        const [word, clientId, id] = line.split(' ') as [string, string, string];
        const stored = byId.get(id);
        assert.equal(stored?.clientId, clientId, line);
        if (word === 'revoked') assert.equal(stored.revokedAt, T0 + 1, line);
      }
      const revoked = told.findLast((line) => line.startsWith('revoked'))!.split(' ')[1]!;
      const again = { joinId: gate.id, clientId: revoked, id: newCredentialId(), hash: hashOf() };
      assert.equal(await store.enrolClient(again, T0 + 2), 'revoked');
      await store.close();
    }
    assert.ok(told.filter((line) => line.startsWith('enrolled')).length >= 30 * ROUNDS);
    rmSync(folder, { recursive: true });
  });
});
