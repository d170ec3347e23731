import { loadClient, missingPeer } from '../peers/client.ts';
import { startRabbit } from '../peers/rabbit.ts';
import type { BenchTask, System } from '../system.ts';

interface Message {
  readonly content: Buffer;
  readonly fields: { readonly redelivered: boolean };
}

interface Channel {
  assertQueue(queue: string, options: object): Promise<unknown>;
  checkQueue(queue: string): Promise<{ messageCount: number }>;
  prefetch(count: number): Promise<unknown>;
  consume(queue: string, take: (message: Message) => void): Promise<unknown>;
  ack(message: Message): void;
  nack(message: Message): void;
  sendToQueue(queue: string, body: Buffer, options: object, done: (error: Error | null) => void): boolean;
}

interface Connection {
  readonly connection: { readonly serverProperties: { readonly version: string } };
  createChannel(): Promise<Channel>;
  createConfirmChannel(): Promise<Channel>;
  close(): Promise<void>;
}

const QUEUE = 'bench';

async function connect(address: string): Promise<Connection> {
  const library = await loadClient<{ default: { connect(url: string): Promise<Connection> } }>('amqplib');
  return library.default.connect(address);
}

function createRabbit(type: 'classic' | 'quorum'): System {
  return {
    name: `rabbitmq-${type}`,
    kind: 'peer',
    settings: `RabbitMQ, one node, durable ${type} queue, persistent messages, publisher confirms, 1,000 unconfirmed`,
    isDurable: true,
    abilities: ['tasks', 'retry', 'large'],
    concurrencies: [200, 500, 1_000],
    batch: { size: 1, outstanding: 1_000 },
    // A synchronous call behind the acks, see below.
    isDoneAcknowledged: true,
    missing: async () => missingPeer('rabbitmq-server', 'rabbitmq-server', ['amqplib']),

    async start({ folder }) {
      const server = await startRabbit(folder);
      const connection = await connect(server.address);
      const channel = await connection.createChannel();
      // Declares it: refused, if one of another kind were there.
      await channel.assertQueue(QUEUE, { durable: true, arguments: { 'x-queue-type': type } });
      const { version } = connection.connection.serverProperties;
      await connection.close();
      return { ...server, note: `RabbitMQ ${version}, durable ${type} queue` };
    },

    async produce(address) {
      const connection = await connect(address);
      const channel = await connection.createConfirmChannel();
      const publish = ({ payload }: BenchTask): Promise<void> =>
        new Promise((resolve, reject) => {
          channel.sendToQueue(QUEUE, payload.bytes, { persistent: true }, (error) =>
            error ? reject(error) : resolve(),
          );
        });
      return {
        enqueueOne: publish,
        async enqueueMany(tasks) {
          await Promise.all(tasks.map(publish));
        },
        // Those that a consumer has are not in the count: they come back when it goes, which `Rig.checkStored` sees.
        counts: async () => ({ left: (await channel.checkQueue(QUEUE)).messageCount, stored: null }),
        close: () => connection.close(),
      };
    },

    async work(address, { concurrency, onStart, onDone }) {
      const connection = await connect(address);
      const channel = await connection.createChannel();
      await channel.prefetch(concurrency);
      let acknowledged = 0;
      let isAsking = false;

      // AMQP does not answer an ack. A synchronous call on the same channel comes after it, one under way at a time.
      async function confirm(): Promise<void> {
        isAsking = true;
        while (acknowledged > 0) {
          const count = acknowledged;
          acknowledged = 0;
          await channel.checkQueue(QUEUE);
          onDone(count);
        }
        isAsking = false;
      }

      function take(message: Message): void {
        try {
          onStart(message.content, message.fields.redelivered ? 2 : 1);
        } catch {
          channel.nack(message);
          return;
        }
        channel.ack(message);
        acknowledged += 1;
        if (!isAsking) void confirm();
      }

      return {
        async begin() {
          await channel.consume(QUEUE, take);
        },
        close: () => connection.close(),
      };
    },
  };
}

export const rabbitClassic = createRabbit('classic');
export const rabbitQuorum = createRabbit('quorum');
