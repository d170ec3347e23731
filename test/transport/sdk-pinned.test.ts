import assert from 'node:assert/strict';
import { createHash, X509Certificate } from 'node:crypto';
import { join as joinPath } from 'node:path';
import { createCredentialFile } from '../../client/credential/credentialfile.ts';
import { drawSecret } from '../../client/credential/secret.ts';
import { createAdmin, type TlsOptions } from '../../client/index.ts';
import { writeJoinText } from '../../shared/jointext.ts';
import { recordCalls } from '../scene/asked.ts';
import { closeScene, use } from '../scene/end.ts';
import { createFolder } from '../scene/folder.ts';
import { startScene } from '../scene/server.ts';
import { createTestAuthority } from '../scene/tlsfiles.ts';

describe('a client with a join text', () => {
  afterEach(closeScene);

  it('asks at the next address where nobody answers at the first, although it asks once', async () => {
    const scene = await startScene();
    const kept = { ...drawSecret(), pin: '', clientId: 'robot-7', isEnrolled: true };
    const credentialFile = joinPath(createFolder(), 'robot-7');
    createCredentialFile(credentialFile, { ...kept, addresses: ['127.0.0.1:1', scene.address] });
    const logger = { info: () => undefined, warn: () => undefined };
    assert.ok((await use(createAdmin({ credentialFile, logger })).serverInfo()).version);
    const nowhere = `${credentialFile}.nowhere`;
    createCredentialFile(nowhere, { ...kept, addresses: ['127.0.0.1:1', '127.0.0.1:2'] });
    await assert.rejects(use(createAdmin({ credentialFile: nowhere, logger })).serverInfo(), { code: 'UNAVAILABLE' });
  });

  it('trusts the authority that the text has pinned, and no other that the options name', async () => {
    const scene = await startScene();
    const file = joinPath(createFolder(), 'robot-7');
    const [pinned, other] = [createTestAuthority(), createTestAuthority()];
    const { publicKey } = new X509Certificate(pinned.cert);
    const pin = createHash('sha256')
      .update(publicKey.export({ type: 'spki', format: 'der' }))
      .digest('base64url');
    const join = writeJoinText({ ...drawSecret(), addresses: ['127.0.0.1:1'], pin });
    const open = (tls: TlsOptions) => use(createAdmin({ join, joinAs: 'robot-7', credentialFile: file, tls }));
    for (const tls of [{ ca: other.cert }, { pin: 'A'.repeat(43) }])
      assert.throws(() => open(tls), { code: 'INVALID_ARGUMENT', field: 'tls' });
    open({ ca: Buffer.concat([other.cert, pinned.cert]) });
    open({ pin, serverName: 'tasks.test' });
    // Options that say nothing of an authority leave the pin as it is: this server has none at all.
    const away = writeJoinText({ ...drawSecret(), addresses: [scene.address], pin });
    const calls = recordCalls(scene.address);
    const credentialFile = `${file}.away`;
    const admin = use(createAdmin({ join: away, joinAs: 'robot-7', credentialFile, tls: {} }));
    await assert.rejects(admin.serverInfo(), { code: 'UNAVAILABLE' });
    assert.deepEqual(calls, []);
  });
});
