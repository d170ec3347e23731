import assert from 'node:assert/strict';
import { chmodSync, readFileSync } from 'node:fs';
import { join } from 'node:path';
import { missingPeer } from '../../bench/peers/client.ts';
import type { RunRecord } from '../../bench/run.ts';
import { SYSTEMS } from '../../bench/systems/index.ts';
import { createFolder } from '../scene/folder.ts';
import { isFull } from '../scene/full.ts';
import { cleanUpProcesses, startNode } from '../scene/process.ts';

const MAIN = join(import.meta.dirname, '..', '..', 'bench', 'main.ts');

describe('missingPeer()', () => {
  it('says what to install', () => {
    assert.equal(missingPeer('no-such-server', 'such-server', []), 'no no-such-server; apt-get install such-server');
    assert.equal(missingPeer('sh', 'dash', ['no-such-client']), 'no no-such-client; (cd bench/peers && npm ci)');
    assert.equal(missingPeer('sh', 'dash', []), null);
  });
});

describe('npm run bench with peers', function () {
  this.timeout(120_000);
  cleanUpProcesses();

  it('skips loudly what is not installed', async () => {
    const peers = SYSTEMS.filter(({ kind }) => kind === 'peer').map(({ name }) => name);
    const args = ['--systems', peers.join(','), '--scenarios', 'combined', '--rounds', '1', '--out', createFolder()];
    const env = { PATH: '/nowhere', CONTACT_BENCH_FOLDERS: '' };
    const { stderr, code } = await startNode([MAIN, ...args], { env }).ended;
    assert.equal(code, 0, stderr);
    for (const peer of peers) assert.match(stderr, new RegExp(`^SKIPPED ${peer}: no \\S+; apt-get install`, 'm'));
  });

  for (const system of SYSTEMS.filter(({ kind }) => kind === 'peer')) {
    it(`measures ${system.name}`, async function () {
      const reason = isFull ? await system.missing() : 'only with CONTACT_TEST=all';
      if (reason !== null) {
        this.test!.title += `: ${reason}`;
        this.skip();
      }
      const out = createFolder();
      // Some servers refuse to be root and get there as somebody else.
      chmodSync(out, 0o755);
      const concurrency = String(system.concurrencies[0]);
      const small = ['--rounds', '1', '--tasks', '300', '--seconds', '2', '--concurrency', concurrency, '--out', out];
      const args = ['--systems', system.name, '--scenarios', 'combined,enqueue-one', ...small];
      const { stderr, code } = await startNode([MAIN, ...args]).ended;
      assert.equal(code, 0, stderr);
      const lines = readFileSync(join(out, 'results.jsonl'), 'utf8').trim().split('\n');
      const [combined] = lines.map((line) => JSON.parse(line) as RunRecord);
      assert.equal(combined!.checks.tasks, 300);
      assert.match(combined!.note!, /\d+\.\d+/);
    });
  }
});
