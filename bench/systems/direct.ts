import { join } from 'node:path';
import { spawnProgram } from '../spawn.ts';
import type { System } from '../system.ts';

const SERVER = join(import.meta.dirname, '..', 'control', 'callee.ts');

function takeNoTasks(): never {
  throw new Error('direct takes no tasks');
}

/** The yardstick of calls: the callee is a server itself, and nobody stands between it and its callers. */
export const direct: System = {
  name: 'direct',
  kind: 'control',
  settings: 'bare grpc-js with the handlers of the callee, called at its own address',
  isDurable: false,
  abilities: ['calls', 'streams'],
  concurrencies: [1],
  batch: { size: 1, outstanding: 1 },
  isDoneAcknowledged: true,
  missing: async () => null,
  async start({ nodeArgs = [], env = {} }) {
    const server = spawnProgram(process.execPath, [...nodeArgs, SERVER], { env });
    const [, address = ''] = await server.waitFor(/^listening (\S+)$/m);
    return { address, pids: [server.pid], stop: () => server.stop('SIGKILL') };
  },
  produce: async () => takeNoTasks(),
  work: async () => takeNoTasks(),
};
