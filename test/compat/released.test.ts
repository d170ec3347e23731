import assert from 'node:assert/strict';
import { readFileSync } from 'node:fs';
import { join } from 'node:path';
import { createFileRegistry, type DescMethod, fromBinary } from '@bufbuild/protobuf';
import { FileDescriptorSetSchema } from '@bufbuild/protobuf/wkt';
import { Client, credentials, Metadata } from '@grpc/grpc-js';
import { ROOT } from '../../scripts/tool.ts';
import { atEnd, closeScene } from '../scene/end.ts';
import { startScene } from '../scene/server.ts';

const UNIMPLEMENTED = 12;

/** What clients were generated from that go by the last release; that no field of it changed is `contract breaking`. */
describe('the released contract', () => {
  afterEach(closeScene);

  it('is served, method by method', async () => {
    const image = fromBinary(FileDescriptorSetSchema, readFileSync(join(ROOT, 'proto', 'released', 'contact.binpb')));
    const services = [...createFileRegistry(image)].filter((one) => one.kind === 'service');
    const methods = services.flatMap((service) => service.methods);
    assert.ok(methods.length > 20, `${methods.length} methods`);
    const { address } = await startScene();
    const client = new Client(address, credentials.createInsecure());
    atEnd(() => client.close());
    const codes = await Promise.all(methods.map((method) => callEmpty(client, method)));
    const unserved = methods
      .filter((_, at) => codes[at] === UNIMPLEMENTED)
      .map(({ parent, name }) => `${parent.typeName}/${name}`);
    assert.deepEqual(unserved, []);
  });
});

/** The code of a call with an empty request; streams are left as soon as they are open. */
function callEmpty(client: Client, method: DescMethod): Promise<number> {
  const path = `/${method.parent.typeName}/${method.name}`;
  const bytes = (message: Buffer): Buffer => message;
  const call = client.makeBidiStreamRequest(path, bytes, bytes, new Metadata(), { deadline: Date.now() + 3_000 });
  return new Promise((resolve) => {
    call.on('error', () => undefined);
    call.on('data', () => call.cancel());
    call.on('metadata', () => setTimeout(() => call.cancel(), 50));
    call.on('status', ({ code }) => resolve(code));
    call.write(Buffer.alloc(0));
    call.end();
  });
}
