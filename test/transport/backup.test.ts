import assert from 'node:assert/strict';
import { createHash } from 'node:crypto';
import { writeFileSync } from 'node:fs';
import { createServer, type Http2Server } from 'node:http2';
import type { AddressInfo } from 'node:net';
import { join } from 'node:path';
import { DatabaseSync } from 'node:sqlite';
import { create, toBinary } from '@bufbuild/protobuf';
import { createAdmin } from '../../client/index.ts';
import { AdminService, type BackUpResponse, BackUpResponseSchema } from '../../gen/index.ts';
import { createContext, openApi } from '../scene/api.ts';
import { connect, enqueueMany } from '../scene/clients.ts';
import { atEnd, closeScene, use } from '../scene/end.ts';
import { createFolder } from '../scene/folder.ts';
import { connectTo, startScene } from '../scene/server.ts';
import { until } from '../scene/until.ts';

describe('BackUp', () => {
  afterEach(closeScene);

  it('streams a database that has all that was acknowledged before', async () => {
    const scene = await startScene({ isDurable: true });
    const ids = await enqueueMany(connect(scene), 1_000, { payload: Buffer.alloc(3_000, 1) });
    const admin = use(createAdmin(connectTo(scene.address)));
    const chunks: Uint8Array[] = [];
    let told = 0;
    const onBegin = (bytes: number): void => {
      told = bytes;
    };
    for await (const chunk of admin.backUp({ onBegin })) chunks.push(chunk);
    const bytes = Buffer.concat(chunks);
    assert.equal(bytes.byteLength, told);
    const path = join(createFolder(), 'copy.db');
    writeFileSync(path, bytes);
    const db = new DatabaseSync(path);
    const found = db.prepare('SELECT id FROM task ORDER BY id').all();
    db.close();
    assert.deepEqual(
      found.map(({ id }) => id),
      ids.toSorted(),
    );
  });

  it('is given up by its reader, also in the midst of it, and another one begins', async () => {
    const scene = await startScene({ isDurable: true });
    await enqueueMany(connect(scene), 1_000, { payload: Buffer.alloc(3_000, 1) });
    const admin = use(createAdmin(connectTo(scene.address)));
    const given = new AbortController();
    await assert.rejects(
      (async () => {
        for await (const _ of admin.backUp({ signal: given.signal })) given.abort();
      })(),
      { code: 'CANCELLED' },
    );
    /** Whether the server made another one, of which `enough` bytes were read. */
    const read = async (enough: number): Promise<boolean> => {
      let bytes = 0;
      try {
        for await (const chunk of admin.backUp()) {
          bytes += chunk.byteLength;
          if (bytes >= enough) break;
        }
      } catch (error) {
        // The server hears a moment later that nobody reads the one before.
        assert.equal((error as { code: string }).code, 'RESOURCE_EXHAUSTED');
      }
      return bytes >= enough;
    };
    await until('a part of a backup', () => read(1));
    await until('a whole backup', () => read(3_000_000));
  });

  it('is refused of a store in memory, and to a caller of some queues', async () => {
    const scene = await startScene();
    const admin = use(createAdmin(connectTo(scene.address)));
    await assert.rejects(admin.backUp().next(), { code: 'FAILED_PRECONDITION' });
    await assert.rejects(admin.backUp({ signal: AbortSignal.abort() }).next(), { code: 'CANCELLED' });
    await assert.rejects(admin.backUp({ nope: 1 } as never).next(), { code: 'INVALID_ARGUMENT' });
    const { api, close } = await openApi();
    atEnd(close);
    const answers = api.admin.backUp({} as never, createContext(['mine']).context);
    await assert.rejects(
      async () => {
        for await (const _ of answers);
      },
      { code: 'PERMISSION_DENIED' },
    );
  });

  const chunk = (text: string) => ({ case: 'chunk' as const, value: Buffer.from(text) });
  const end = (text: string) => ({
    case: 'end' as const,
    value: { sha256: createHash('sha256').update(text).digest() },
  });
  const begin = (bytes: number) => ({ case: 'begin' as const, value: { bytes: BigInt(bytes) } });
  const broken: Readonly<Record<string, readonly object[]>> = {
    'a piece is missing': [begin(4), chunk('ab'), end('abcd')],
    'a piece was changed': [begin(4), chunk('abXd'), end('abcd')],
    'the end is missing': [begin(4), chunk('abcd')],
    'it is shorter than it was said to be': [begin(5), chunk('abcd'), end('abcd')],
  };
  for (const [what, events] of Object.entries(broken)) {
    it(`is no backup when ${what}`, async () => {
      const stub = await serveBackup(events.map((event) => create(BackUpResponseSchema, { event } as never)));
      const admin = use(createAdmin({ server: stub }));
      await assert.rejects(
        (async () => {
          for await (const _ of admin.backUp());
        })(),
        { code: 'INTERNAL', message: /did not come as it was sent/ },
      );
    });
  }

  it('is one when all of it has come', async () => {
    const stub = await serveBackup(
      [begin(4), chunk('ab'), chunk('cd'), end('abcd')].map((event) => create(BackUpResponseSchema, { event })),
    );
    const admin = use(createAdmin({ server: stub }));
    let text = '';
    for await (const piece of admin.backUp()) text += Buffer.from(piece).toString();
    assert.equal(text, 'abcd');
  });
});

/** A server that answers every call with these messages; answers its address. */
async function serveBackup(messages: readonly BackUpResponse[]): Promise<string> {
  const server: Http2Server = createServer();
  server.on('stream', (stream, headers) => {
    assert.match(String(headers[':path']), new RegExp(`^/${AdminService.typeName}/BackUp$`));
    stream.respond({ ':status': 200, 'content-type': 'application/grpc' }, { waitForTrailers: true });
    stream.on('wantTrailers', () => stream.sendTrailers({ 'grpc-status': '0' }));
    for (const message of messages) {
      const bytes = toBinary(BackUpResponseSchema, message);
      const prefix = Buffer.alloc(5);
      prefix.writeUInt32BE(bytes.byteLength, 1);
      stream.write(Buffer.concat([prefix, bytes]));
    }
    stream.end();
  });
  await new Promise<void>((resolve) => server.listen(0, '127.0.0.1', resolve));
  atEnd(() => new Promise((resolve) => server.close(resolve)));
  return `127.0.0.1:${(server.address() as AddressInfo).port}`;
}
