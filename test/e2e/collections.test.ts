import assert from 'node:assert/strict';
import { join } from 'node:path';
import { describe, it } from 'mocha';
import { bytes, createProducer } from '../../client/index.ts';
import { createFolder } from '../scene/folder.ts';
import { cleanUpProcesses, FIRST_LINE, NODE_FLAGS, startServer } from '../scene/process.ts';

/** What a kernel before 5.1 reads of a `#!` line. */
const LINE_BYTES = 127;
const PAYLOADS = 100;
const PAYLOAD_BYTES = 1_000_000;

describe('the command and V8', function () {
  this.timeout(120_000);
  cleanUpProcesses();

  it('has a first line that every kernel reads whole', () => {
    assert.ok(Buffer.byteLength(FIRST_LINE) <= LINE_BYTES, FIRST_LINE);
    assert.ok(NODE_FLAGS.length > 0);
  });

  it('collects everything once at most while large payloads pass through', async function () {
    // Before, V8 cannot be told to count payloads with the rest.
    if (Number.parseInt(process.versions.node, 10) < 24) this.skip();
    const store = `sqlite:${join(createFolder(), 'contact.db')}`;
    const server = await startServer({ store, nodeArgs: [...NODE_FLAGS, '--trace-gc'] });
    const countFull = (): number => server.stdout.match(/Mark-Compact/g)?.length ?? 0;
    const producer = createProducer({ server: server.address, codec: bytes });
    await producer.connected();
    const before = countFull();
    const payload = Buffer.alloc(PAYLOAD_BYTES, 'x');
    for (let sent = 0; sent < PAYLOADS; sent += 1) await producer.enqueue('large', payload);
    await producer.close();
    const { stdout } = await server.stop();
    assert.match(stdout, /Scavenge/);
    assert.ok(countFull() - before <= 1, stdout);
  });
});
