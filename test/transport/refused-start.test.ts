import assert from 'node:assert/strict';
import { writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { describe, it } from 'mocha';
import { createServer, type ServerOptions } from '../../server/index.ts';
import { type Logger, silentLogger } from '../../shared/logger.ts';
import { createFolder } from '../scene/folder.ts';

describe('createServer()', () => {
  it('that refuses to start lets go of the store', async () => {
    const folder = createFolder();
    const file = join(folder, 'contact.db');
    const given = { store: `sqlite:${file}`, auth: 'on', operatorSocket: 'none' } as const;
    writeFileSync(`${file}.ca-key.pem`, 'x', { mode: 0o600 });
    const refused: Partial<ServerOptions>[] = [
      { ...given, operatorSocket: join(folder, 'n'.repeat(200)) },
      { ...given, tls: 'auto' },
    ];
    for (const options of refused) {
      await assert.rejects(createServer(options), /too long for a socket|no certificate with its key/);
      const server = await createServer(given);
      await server.close();
    }
  });

  it('says at its start what others than this machine can do', async () => {
    const told: string[] = [];
    const logger: Logger = { ...silentLogger, warn: (_fields, message) => void told.push(message) };
    const options = { store: 'memory:', listen: '0.0.0.0:0', insecure: true } as const;
    await (await createServer(options, { logger })).close();
    assert.match(told.join('\n'), /0\.0\.0\.0:0 can do everything[\s\S]*read on the way/);
  });
});
