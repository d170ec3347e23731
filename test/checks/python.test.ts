import assert from 'node:assert/strict';
import { execFileSync } from 'node:child_process';
import { rmSync, symlinkSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { bytes, createProducer, type Producer } from '../../client/index.ts';
import { ROOT } from '../../scripts/tool.ts';
import { type ContactServer, createServer } from '../../server/index.ts';
import { type Program, startProgram } from '../scene/program.ts';
import { findPython, PYTHON_NEEDS } from '../scene/python.ts';
import { findBlock } from './readme.ts';

const TASK_COUNT = 60;

/** Two classic clients, each with a channel of its own; without names grpc lets both channels share one connection. */
const CLASSIC = `
import sys, threading
import grpc
import contact_pb2 as pb
import contact_pb2_grpc as rpc

address, is_named = sys.argv[1], sys.argv[2] == "named"


def work(name):
    metadata = [("contact-client", name)] if is_named else []
    stub = rpc.ContactStub(grpc.insecure_channel(address))

    def results():
        for task in stub.getTask(pb.Empty(), metadata=metadata):
            yield pb.Result(ret=f"{task.task} by {name}")

    for reply in stub.sendStatus(iter([pb.ClientMsg(msg="up")]), metadata=metadata):
        # In one write: threads come between the text and the end of its line.
        print("ready\\n", end="", flush=True)
    stub.tellResult(results(), metadata=metadata)


for name in ("python-1", "python-2"):
    threading.Thread(target=work, args=[name], daemon=True).start()
threading.Event().wait()
`;

/** A v1 session of stubs that sends receipts and starts. */
const FULL = `
import queue, sys, uuid
import grpc
from contact.v1 import contact_pb2 as pb
from contact.v1 import contact_pb2_grpc as rpc
from contact.v1 import task_pb2

stub = rpc.ContactServiceStub(grpc.insecure_channel(sys.argv[1]))
session = [("contact-client", "python-full"), ("contact-session", uuid.uuid4().hex)]
up = queue.Queue()
outcomes = stub.SendStatus(iter(up.get, None), metadata=session)

for message in stub.GetTask(pb.GetTaskRequest(queues=["full"], max_in_flight=5), metadata=session):
    up.put(pb.SendStatusRequest(receipt=message.seq))
    for task in message.tasks.tasks:
        name = {"task_id": task.task_id, "delivery": task.delivery}
        up.put(pb.SendStatusRequest(started=[task_pb2.Delivery(**name)]))
        up.put(pb.SendStatusRequest(succeeded=[pb.Succeeded(**name, result=task.payload[::-1])]))
`;

import { createFolder } from '../scene/folder.ts';

describe('clients in Python', function () {
  this.timeout(60_000);
  let folder: string;
  let python: string;
  let server: ContactServer;
  let producer: Producer<Uint8Array | string>;
  let address: string;
  let program: Program | undefined;

  before(async function () {
    const found = findPython();
    if (found === undefined) {
      console.warn(`    SKIPPED: ${PYTHON_NEEDS}`);
      return this.skip();
    }
    python = found;
    folder = createFolder();
    symlinkSync(join(ROOT, 'proto'), join(folder, 'proto'));
    execFileSync('bash', ['-euc', findBlock('sh', 'protoc').text], { cwd: folder, stdio: 'pipe' });
    server = await createServer({ listen: '127.0.0.1:0', store: 'memory:' });
    const { host, port } = await server.listen();
    address = `${host}:${port}`;
    producer = createProducer({ server: address, codec: bytes });
  });

  afterEach(async () => {
    await program?.stop();
    program = undefined;
  });

  after(async () => {
    await producer?.close();
    await server?.close({ deadlineMs: 1_000 });
    if (folder) rmSync(folder, { recursive: true, force: true });
  });

  function run(text: string, ...args: string[]): Program {
    writeFileSync(join(folder, 'client.py'), text);
    program = startProgram(python, ['client.py', address, ...args], { folder });
    return program;
  }

  function callAll(queue: string, texts: readonly string[]): Promise<string[]> {
    const calls = texts.map((text) => producer.call<Uint8Array>(queue, text, { contentType: 'text/plain' }));
    return Promise.all(calls.map(async (call) => Buffer.from(await call).toString()));
  }

  const texts = Array.from({ length: TASK_COUNT }, (_, at) => `task ${at}`);

  for (const kind of ['nameless', 'named']) {
    it(`answer each task from two ${kind} classic threads with a channel each`, async () => {
      const clients = run(CLASSIC, kind);
      await clients.waitForLine(/^ready$/);
      const answers = await clients.outlive(callAll('default', texts));
      assert.deepEqual(
        answers.map((answer) => answer.replace(/ by python-[12]$/, '')),
        texts,
      );
    });
  }

  it('keep a full v1 session from bare stubs', async () => {
    const answers = await run(FULL).outlive(callAll('full', texts));
    assert.deepEqual(
      answers,
      texts.map((text) => [...text].reverse().join('')),
    );
  });
});
