import assert from 'node:assert/strict';
import { execFileSync, spawnSync } from 'node:child_process';
import { join } from 'node:path';
import { createFolder, removeFolders } from '../scene/folder.ts';

const ROOT = join(import.meta.dirname, '../..');

/** Each in a process of its own, since one that waits for who writes to a pipe hears nothing any more. */
const READERS: readonly (readonly [name: string, module: string, code: string])[] = [
  [
    'a configuration',
    'server/config/sources.ts',
    '(await m.openConfiguration({ file: path, environment: {}, flags: new Map() }))()',
  ],
  ['a token or credential', 'client/credential/secretfile.ts', 'm.readSecretFile(path)'],
  ['keys of JWTs', 'server/access/jwks.ts', 'm.openKeys(path, () => 0)'],
  [
    'a certificate',
    'server/tls/source.ts',
    "m.createLoader({ kind: 'files', cert: path, key: path }, undefined, { now: () => 0 })()",
  ],
  ['a certificate of the command line', 'cli/tls.ts', "m.readFile('--tls-ca', path)"],
  ['profiles', 'cli/profile.ts', 'm.readProfiles(path)'],
  ['descriptors', 'cli/call/source.ts', 'm.readDescriptors(path)'],
  [
    'a certificate that is checked',
    'server/check.ts',
    "throw Error(JSON.stringify(await m.checkOptions({ store: 'memory:', tlsCert: path, tlsKey: path })))",
  ],
];

describe('a file that somebody names', () => {
  after(removeFolders);

  for (const [name, module, code] of READERS) {
    it(`is refused by name where it is a named pipe or a device: ${name}`, function () {
      if (process.platform === 'win32') return this.skip();
      this.timeout(60_000);
      const pipe = join(createFolder(), 'pipe');
      execFileSync('mkfifo', [pipe]);
      for (const path of [pipe, '/dev/zero']) {
        const program = `const path = ${JSON.stringify(path)};
          const m = await import(${JSON.stringify(`file://${join(ROOT, module)}`)});
          try { ${code} } catch (error) { console.log(error.message) }`;
        const { stdout, signal } = spawnSync(process.execPath, ['--input-type=module', '-e', program], {
          encoding: 'utf8',
          timeout: 12_000,
          killSignal: 'SIGKILL',
        });
        assert.equal(signal, null, `it never said anything of ${path}`);
        assert.ok(stdout.includes(`${path} is no regular file`), stdout);
      }
    });
  }
});
