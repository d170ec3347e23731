import assert from 'node:assert/strict';
import { spawn } from 'node:child_process';
import { once } from 'node:events';
import { createProducer } from '../../client/index.ts';
import { closeScene, use } from '../scene/end.ts';
import {
  CONTACT,
  cleanUpProcesses,
  NODE_FLAGS,
  type ServerProcess,
  startContact,
  startServer,
} from '../scene/process.ts';
import { connectTo } from '../scene/server.ts';

const ROWS = 60_000;
const BATCH = 1_000;
/** The heap of a command that does little needs 16 MiB; the rows, kept, would not fit. */
const SMALL_HEAP = ['--max-old-space-size=32', '--max-semi-space-size=1'];

describe('lists of 60,000', function () {
  this.timeout(300_000);
  let server: ServerProcess;

  before(async () => {
    server = await startServer();
    const producer = use(createProducer(connectTo(server.address)));
    for (let start = 0; start < ROWS; start += BATCH) {
      const tasks = Array.from({ length: BATCH }, (_, n) => ({ queue: `queue-${start + n}`, payload: n }));
      await producer.enqueueBatch(tasks);
    }
    await closeScene();
  });
  after(() => server.stop());
  cleanUpProcesses();

  const commands = [
    ['tasks', 'list', '--limit', String(ROWS)],
    ['queues', 'list'],
  ];

  for (const args of commands) {
    const name = args.slice(0, 2).join(' ');

    it(`are printed by ${name} in the memory of its first rows`, async () => {
      for (const json of [[], ['--json']]) {
        const list = startContact([...args, ...json, '--server', server.address], { nodeArgs: SMALL_HEAP });
        const { code, stdout, stderr } = await list.ended;
        assert.equal(code, 0, stderr);
        assert.equal(stdout.split('\n').length - 1, json.length > 0 ? ROWS : ROWS + 1);
      }
    });

    it(`are begun by ${name} at once, and ended quietly when their reader goes`, async () => {
      for (const json of ['', '--json']) {
        const words = ['node', ...NODE_FLAGS, CONTACT, ...args, json, '--server', server.address];
        const shell = spawn('bash', ['-c', `${words.join(' ')} | head -n 2; echo "\${PIPESTATUS[0]}" >&2`]);
        const [out, err] = [collect(shell.stdout), collect(shell.stderr)];
        await once(shell, 'close');
        assert.deepEqual([out().split('\n').length - 1, err()], [2, '0\n'], `${name} ${json}`);
      }
    });
  }
});

function collect(stream: NodeJS.ReadableStream): () => string {
  let text = '';
  stream.on('data', (chunk: Buffer) => {
    text += chunk.toString();
  });
  return () => text;
}
