import { mkdirSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { findFreePort, spawnProgram } from '../spawn.ts';
import type { RunningServer } from '../system.ts';
import { findAccount, handOver } from './account.ts';
import { findProgram } from './client.ts';
import { untilListening } from './port.ts';

/** A RabbitMQ of our own: one node, its own name service, nothing but loopback, no plugins. */
export async function startRabbit(folder: string): Promise<RunningServer> {
  const account = findAccount('rabbitmq');
  const home = join(folder, 'home');
  mkdirSync(home);
  const plugins = join(home, 'plugins');
  writeFileSync(plugins, '[].\n');
  handOver(home, account);
  const [port, distribution, names] = await Promise.all([findFreePort(), findFreePort(), findFreePort()]);
  const epmd = spawnProgram(findProgram('epmd')!, ['-address', '127.0.0.1', '-port', String(names)]);
  const env = {
    HOME: home,
    ERL_EPMD_ADDRESS: '127.0.0.1',
    ERL_EPMD_PORT: String(names),
    RABBITMQ_NODENAME: `bench-${port}@localhost`,
    RABBITMQ_NODE_IP_ADDRESS: '127.0.0.1',
    RABBITMQ_NODE_PORT: String(port),
    RABBITMQ_DIST_PORT: String(distribution),
    RABBITMQ_MNESIA_BASE: join(home, 'data'),
    RABBITMQ_LOG_BASE: join(home, 'log'),
    RABBITMQ_PID_FILE: join(home, 'pid'),
    RABBITMQ_CONFIG_FILE: join(home, 'none'),
    RABBITMQ_ADVANCED_CONFIG_FILE: join(home, 'none'),
    RABBITMQ_ENABLED_PLUGINS_FILE: plugins,
    RABBITMQ_SERVER_ADDITIONAL_ERL_ARGS: '-kernel inet_dist_use_interface {127,0,0,1}',
  };
  // Not the script on the path, which turns itself into a user and its output into files.
  const program = '/usr/lib/rabbitmq/bin/rabbitmq-server';
  const server = spawnProgram(program, [], { ...account, folder: home, env });
  // Nothing of it is needed again, and its scripts would start more programs to say good-bye.
  const stop = async (): Promise<void> => {
    await Promise.all([server.stop('SIGKILL'), epmd.stop('SIGKILL')]);
  };
  try {
    await Promise.race([untilListening(port), server.waitFor(/completed with \d+ plugins/)]);
    await untilListening(port);
    return { address: `amqp://guest:guest@127.0.0.1:${port}`, pids: [server.pid], stop };
  } catch (error) {
    await stop();
    throw error;
  }
}
