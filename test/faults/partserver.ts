import { BROADCAST_PARTS } from '../../server/dispatch/broadcasts.ts';
import { createServer } from '../../server/index.ts';

// A server that stores a broadcast in parts of one child each: `partserver.ts LISTEN STORE`.

const [listen, store] = process.argv.slice(2);
const server = await createServer(
  { listen: listen!, store: store! },
  { broadcastParts: { ...BROADCAST_PARTS, wholeCount: 1, partCount: 1 } },
);
const { host, port } = await server.listen();
console.log(`listening ${host}:${port}`);
