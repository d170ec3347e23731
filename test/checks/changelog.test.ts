import assert from 'node:assert/strict';
import { readFileSync } from 'node:fs';
import { join } from 'node:path';
import * as grpc from '@grpc/grpc-js';
import { AdminService } from '../../gen/index.ts';
import { ROOT } from '../../scripts/tool.ts';
import { type ContactServer, createServer } from '../../server/index.ts';
import { methodPath } from '../../shared/grpc.ts';

describe('CHANGELOG.md', () => {
  let server: ContactServer;
  let client: grpc.Client;

  before(async () => {
    server = await createServer({ listen: '127.0.0.1:0', store: 'memory:' });
    const { host, port } = await server.listen();
    client = new grpc.Client(`${host}:${port}`, grpc.credentials.createInsecure());
  });
  after(async () => {
    client.close();
    await server.close({ deadlineMs: 0 });
  });

  /** The status that an empty request ends with. */
  function callEmpty(path: string): Promise<grpc.status> {
    const empty = (): Buffer => Buffer.alloc(0);
    return new Promise((resolve) => {
      client.makeUnaryRequest(path, empty, empty, null, (error) => resolve(error?.code ?? grpc.status.OK));
    });
  }

  it('lists exactly the methods that answer UNIMPLEMENTED', async () => {
    const changelog = readFileSync(join(ROOT, 'CHANGELOG.md'), 'utf8');
    const section = /These answer UNIMPLEMENTED:\n([\s\S]*?)(?=\n##|$(?![\s\S]))/.exec(changelog)?.[1] ?? '';
    const missing: string[] = [];
    for (const method of AdminService.methods) {
      if ((await callEmpty(methodPath(method))) === grpc.status.UNIMPLEMENTED) missing.push(method.name);
    }
    const listed = AdminService.methods.map(({ name }) => name).filter((name) => section.includes(`\`${name}\``));
    assert.deepEqual(listed, missing);
  });
});
