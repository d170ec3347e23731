import { monitorEventLoopDelay } from 'node:perf_hooks';
import { createServer, type ServerOptions } from '../../server/index.ts';

// A server in a process of its own, which tells how long its event loop was held up. Its options are the argument.

const server = await createServer(JSON.parse(process.argv[2]!) as Partial<ServerOptions>);
const { host, port } = await server.listen();
const delay = monitorEventLoopDelay({ resolution: 5 });
delay.enable();
process.on('message', (asked: 'reset' | 'report' | 'close') => {
  if (asked === 'reset') delay.reset();
  if (asked === 'report') process.send!({ p99Ms: delay.percentile(99) / 1e6 - 5, maxMs: delay.max / 1e6 - 5 });
  if (asked === 'close') void server.close({ deadlineMs: 0 }).then(() => process.exit(0));
});
process.send!({ address: `${host}:${port}` });
