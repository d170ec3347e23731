import { createServer } from '../../server/index.ts';

// A server whose history has steps of a second: `historyserver.ts LISTEN STORE`.

const [listen, store] = process.argv.slice(2);
const server = await createServer({ listen: listen!, store: store! }, { historyStepMs: 1_000 });
const { host, port } = await server.listen();
console.log(`listening ${host}:${port}`);
