import { filter, firstValueFrom } from 'rxjs';
import {
  type Admin,
  type Codec,
  createAdmin,
  createProducer,
  createWorker,
  type Producer,
  type Worker,
  type WorkerOptions,
} from '../../client/index.ts';
import { silentLogger } from '../../client/options.ts';
import { createServer, type ServerOptions, type ServerParts } from '../../server/index.ts';
import { type Outcome, runHere, runOnTerminal, type Terminal } from './command.ts';

const text: Codec<string> = {
  contentType: 'text/plain',
  encode: (value) => Buffer.from(value),
  decode: (bytes) => Buffer.from(bytes).toString(),
};

/** A server with clients and the command line, all inside this process. */
export interface Scene {
  readonly address: string;
  readonly admin: Admin;
  readonly producer: Producer<string>;
  /** `contact ARGS… --server ADDRESS` */
  contact(...args: string[]): Promise<Outcome>;
  /** The same on a terminal. */
  onTerminal(...args: string[]): Terminal;
  /** A worker for texts that is connected. */
  work(options: Omit<WorkerOptions<string, string>, 'server' | 'codec'>): Promise<Worker>;
  close(): Promise<void>;
}

export async function createScene(
  options: Partial<ServerOptions> = {},
  parts: Partial<ServerParts> = {},
): Promise<Scene> {
  const server = await createServer({ listen: '127.0.0.1:0', store: 'memory:', ...options }, parts);
  const { host, port } = await server.listen();
  const address = `${host}:${port}`;
  const admin = createAdmin({ server: address });
  const producer = createProducer<string>({ server: address, codec: text, logger: silentLogger });
  const workers: Worker[] = [];
  const target = ['--server', address];
  return {
    address,
    admin,
    producer,
    contact: (...args) => runHere([...args, ...target]),
    onTerminal: (...args) => runOnTerminal([...args, ...target]),
    async work(given) {
      const worker = createWorker({ ...given, server: address, codec: text });
      workers.push(worker);
      await firstValueFrom(worker.status$.pipe(filter(({ state }) => state === 'connected')));
      return worker;
    },
    async close() {
      await Promise.all(workers.map((worker) => worker.stop({ deadlineMs: 1_000 })));
      await producer.close({ deadlineMs: 0 });
      await admin.close();
      await server.close({ deadlineMs: 0 });
    },
  };
}
