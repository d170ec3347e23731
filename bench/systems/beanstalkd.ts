import { connectBeanstalk } from '../peers/beanstalk.ts';
import { findProgram, missingPeer } from '../peers/client.ts';
import { untilListening } from '../peers/port.ts';
import { findFreePort, spawnProgram } from '../spawn.ts';
import type { BenchTask, System } from '../system.ts';

const MAX_JOB_BYTES = 2 * 2 ** 20;

export const beanstalkd: System = {
  name: 'beanstalkd',
  kind: 'peer',
  settings:
    'beanstalkd -b -f 0: synced on every write; puts pipelined, 1,000 outstanding; a connection for each task held',
  isDurable: true,
  abilities: ['tasks', 'large'],
  concurrencies: [8, 16, 32],
  batch: { size: 1, outstanding: 1_000 },
  isDoneAcknowledged: true,
  missing: async () => missingPeer('beanstalkd', 'beanstalkd', []),

  async start({ folder }) {
    const port = await findFreePort();
    const durable = ['-b', folder, '-f', '0'];
    const args = ['-l', '127.0.0.1', '-p', String(port), '-z', String(MAX_JOB_BYTES), ...durable];
    const server = spawnProgram(findProgram('beanstalkd')!, args);
    try {
      await untilListening(port);
      const client = await connectBeanstalk(port);
      const stats = await client.stats();
      client.close();
      if (stats.get('pid') !== String(server.pid)) throw new Error('another beanstalkd answers');
      if (stats.get('binlog-current-index') === '0') throw new Error('beanstalkd has no binlog');
      const note = `beanstalkd ${stats.get('version')}, binlog, ${durable.slice(2).join(' ')}`;
      return { address: String(port), pids: [server.pid], note, stop: () => server.stop('SIGKILL') };
    } catch (error) {
      await server.stop('SIGKILL');
      throw error;
    }
  },

  async produce(address) {
    const client = await connectBeanstalk(Number(address));
    const put = ({ payload }: BenchTask): Promise<void> => client.put(payload.text);
    return {
      enqueueOne: put,
      async enqueueMany(tasks) {
        await Promise.all(tasks.map(put));
      },
      async counts() {
        const stats = await client.stats();
        const states = ['ready', 'reserved', 'delayed', 'buried'].map((state) => `current-jobs-${state}`);
        const left = states.reduce((sum, name) => sum + Number(stats.get(name)), 0);
        return { left, stored: Number(stats.get('cmd-delete')) };
      },
      async close() {
        client.close();
      },
    };
  },

  async work(address, { concurrency, onStart, onDone }) {
    const connecting = Array.from({ length: concurrency }, () => connectBeanstalk(Number(address)));
    const clients = await Promise.all(connecting);
    return {
      async begin() {
        for (const client of clients) {
          void client.reserveAll(async ({ id, body }) => {
            onStart(body, 1);
            await client.delete(id);
            onDone(1);
          });
        }
      },
      async close() {
        for (const client of clients) client.close();
      },
    };
  },
};
