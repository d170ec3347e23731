import { writeFileSync } from 'node:fs';
import { join } from 'node:path';

// Programs of somebody who uses the package: what they say at the end shows that they ran.

const WORK = `
interface Sum { readonly a: number; readonly b: number }

export async function work(server: string): Promise<string> {
  const options: WorkerOptions<Sum, number> = { server, queues: ['sums'], handler: async ({ a, b }) => a + b };
  const worker = createWorker(options);
  const states: string[] = [];
  const watched = worker.status$.subscribe(({ state }) => states.push(state));
  await worker.connected();
  const producer = createProducer({ server });
  const sum: number = await producer.call<number>('sums', { a: 2, b: 3 });
  const observer = createObserver({ server });
  let seen: TaskResult | undefined;
  for await (const result of observer.results({ queues: ['sums'], from: 'oldest' })) {
    seen = result;
    break;
  }
  await observer.close();
  await producer.close();
  await worker.stop();
  watched.unsubscribe();
  return \`sum \${sum} \${seen?.state} \${states.includes('connected')}\`;
}

export async function serve(): Promise<string> {
  const server = await createServer({ listen: '127.0.0.1:0', store: 'memory:' });
  const { host, port } = await server.listen();
  try {
    return await work(\`\${host}:\${port}\`);
  } finally {
    await server.close();
  }
}

const refused = new ContactError('INVALID_ARGUMENT', 'words', { field: 'queue' });
const same = refused instanceof client.ContactError && createWorker === client.createWorker;
const state: proto.TaskState = proto.TaskState.SUCCEEDED;
const empty: proto.classic.Empty = create(proto.classic.EmptySchema);
serve().then((told) => console.log(told, same, state, empty.$typeName));
`;

const IMPORTS = `
import { create } from '@bufbuild/protobuf';
import { ContactError, createObserver, createProducer, createWorker, type TaskResult, type WorkerOptions } from 'contactd';
import * as client from 'contactd/client';
import * as proto from 'contactd/proto';
import { createServer } from 'contactd/server';
`;

/** What the programs say on stdout. */
export const TOLD = 'sum 5 succeeded true true 4 Empty\n';

/** As TypeScript, which becomes an ES module or CommonJS by the end of its name. */
export function writeConsumer(folder: string, name: string): string {
  writeFileSync(join(folder, name), `${IMPORTS}${WORK}`);
  return name;
}

/** As JavaScript without types, for a project that has no compiler. */
export const REQUIRING = `
const { createWorker } = require('contactd');
const names = ['contactd', 'contactd/client', 'contactd/server', 'contactd/proto'].map((name) => Object.keys(require(name)).length > 3);
console.log(names.every(Boolean), require('contactd/client').createWorker === createWorker, require('contactd/package.json').name);
import('contactd').then((module) => console.log(module.createWorker === createWorker));
`;
