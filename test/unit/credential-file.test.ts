import assert from 'node:assert/strict';
import { spawnSync } from 'node:child_process';
import { readdirSync } from 'node:fs';
import { join as joinPath } from 'node:path';
import { createCredentialFile, readCredentialFile } from '../../client/credential/credentialfile.ts';
import { drawSecret } from '../../client/credential/secret.ts';
import { createFolder } from '../scene/folder.ts';

describe('replaceCredentialFile()', () => {
  it('leaves no draft of its file where that cannot be written', () => {
    const folder = createFolder();
    const path = joinPath(folder, 'robot-7');
    const kept = { ...drawSecret(), addresses: ['a.test:1'], pin: '', clientId: 'robot-7', isEnrolled: true };
    createCredentialFile(path, kept);
    const script = `process.on('SIGXFSZ', () => {});
      const { readCredentialFile, replaceCredentialFile } = await import(process.argv[1]);
      replaceCredentialFile(process.argv[2], readCredentialFile(process.argv[2]).kept);`;
    const module = new URL('../../client/credential/credentialfile.ts', import.meta.url).href;
    const { status, stderr } = spawnSync(
      'sh',
      ['-c', 'ulimit -f 0; exec "$@"', 'sh', process.execPath, '--input-type=module', '-e', script, module, path],
      { encoding: 'utf8' },
    );
    assert.equal(status, 1, stderr);
    assert.match(stderr, /robot-7 cannot be written: EFBIG/);
    assert.deepEqual(readdirSync(folder), ['robot-7']);
    assert.equal(readCredentialFile(path)?.kept.secret, kept.secret);
  });
});
