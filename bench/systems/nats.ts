import { spawnSync } from 'node:child_process';
import { writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { findProgram, loadClient, missingPeer } from '../peers/client.ts';
import { untilListening } from '../peers/port.ts';
import { findFreePort, spawnProgram } from '../spawn.ts';
import type { System } from '../system.ts';

interface Connection {
  drain(): Promise<void>;
  close(): Promise<void>;
}

interface Message {
  readonly data: Uint8Array;
  readonly info: { readonly deliveryCount: number };
  ackAck(): Promise<boolean>;
  nak(): void;
}

interface Stream {
  readonly state: { readonly messages: number };
  readonly config: { readonly storage: string; readonly retention: string };
}

interface Manager {
  readonly streams: { add(stream: object): Promise<Stream>; info(name: string): Promise<Stream> };
  readonly consumers: { add(stream: string, consumer: object): Promise<unknown> };
}

interface JetStream {
  publish(subject: string, payload: Uint8Array): Promise<unknown>;
  readonly consumers: { get(stream: string, consumer: string): Promise<Consumer> };
}

interface Messages extends AsyncIterable<Message> {
  close(): Promise<unknown>;
}

interface Consumer {
  consume(options: object): Promise<Messages>;
}

const STREAM = 'BENCH';
const CONSUMER = 'worker';
const MAX_PENDING = 5_000;

async function connect(servers: string): Promise<Connection> {
  const { connect } = await loadClient<{ connect(options: object): Promise<Connection> }>('@nats-io/transport-node');
  return connect({ servers });
}

const loadJetStream = () =>
  loadClient<{ jetstream(c: Connection): JetStream; jetstreamManager(c: Connection): Promise<Manager> }>(
    '@nats-io/jetstream',
  );

export const nats: System = {
  name: 'nats-jetstream',
  kind: 'peer',
  settings: 'NATS JetStream, file storage synced every 2 minutes: an ack is NOT synced; double acks, 1,000 outstanding',
  isDurable: false,
  abilities: ['tasks', 'retry', 'large'],
  concurrencies: [500, 1_000, 2_000],
  batch: { size: 1, outstanding: 1_000 },
  isDoneAcknowledged: true,
  missing: async () => missingPeer('nats-server', 'nats-server', ['@nats-io/jetstream', '@nats-io/transport-node']),

  async start({ folder }) {
    const port = await findFreePort();
    const program = findProgram('nats-server')!;
    const config = join(folder, 'nats.conf');
    writeFileSync(config, `listen: "127.0.0.1:${port}"\nmax_payload: 2MB\njetstream { store_dir: "${folder}" }\n`);
    const server = spawnProgram(program, ['-c', config]);
    try {
      await untilListening(port);
      const { jetstreamManager } = await loadJetStream();
      const address = `127.0.0.1:${port}`;
      const connection = await connect(address);
      const manager = await jetstreamManager(connection);
      const stream = { name: STREAM, subjects: ['task.>'], retention: 'workqueue', storage: 'file' };
      const made = await manager.streams.add(stream);
      if (made.config.storage !== 'file') throw new Error(`JetStream stores in ${made.config.storage}`);
      const consumer = { durable_name: CONSUMER, ack_policy: 'explicit', max_ack_pending: MAX_PENDING };
      await manager.consumers.add(STREAM, consumer);
      await connection.close();
      const version = spawnSync(program, ['--version'], { encoding: 'utf8' }).stdout.trim();
      return { address, pids: [server.pid], note: `${version}, file storage`, stop: () => server.stop('SIGKILL') };
    } catch (error) {
      await server.stop('SIGKILL');
      throw error;
    }
  },

  async produce(address) {
    const { jetstream, jetstreamManager } = await loadJetStream();
    const connection = await connect(address);
    const stream = jetstream(connection);
    const manager = await jetstreamManager(connection);
    return {
      async enqueueOne({ queue, payload }) {
        await stream.publish(`task.${queue}`, payload.bytes);
      },
      async enqueueMany(tasks) {
        await Promise.all(tasks.map(({ queue, payload }) => stream.publish(`task.${queue}`, payload.bytes)));
      },
      async counts() {
        return { left: (await manager.streams.info(STREAM)).state.messages, stored: null };
      },
      close: () => connection.close(),
    };
  },

  async work(address, { concurrency, onStart, onDone }) {
    const { jetstream } = await loadJetStream();
    const connection = await connect(address);
    const consumer = await jetstream(connection).consumers.get(STREAM, CONSUMER);
    let messages: Messages | null = null;

    async function run(taken: Messages): Promise<void> {
      for await (const message of taken) {
        try {
          onStart(message.data, message.info.deliveryCount);
        } catch {
          message.nak();
          continue;
        }
        void message.ackAck().then((isAcknowledged) => isAcknowledged && onDone(1));
      }
    }

    return {
      async begin() {
        messages = await consumer.consume({ max_messages: concurrency });
        void run(messages);
      },
      async close() {
        await messages?.close();
        await connection.close();
      },
    };
  },
};
