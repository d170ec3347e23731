// A worker, a producer, an observer, an admin and a caller of one version of the SDK, at one server. Prints what they saw
// as one line of JSON. Arguments: the `client/index.ts` of that version, the address of the server.

const [file = '', server = ''] = process.argv.slice(2);
const sdk: typeof import('../../client/index.ts') = await import(file);

const worker = sdk.createWorker({
  server,
  clientId: 'compat',
  queues: ['sums', 'flaky'],
  handler: ({ a, b }: { a: number; b: number }, { attempt }) => {
    if (b === 0 && attempt === 1) throw new Error('once');
    return a + b;
  },
});
await worker.connected();
const producer = sdk.createProducer<{ a: number; b: number }>({ server });
const observer = sdk.createObserver({ server });
const admin = sdk.createAdmin({ server });

const sum = await producer.call('sums', { a: 2, b: 3 });
const retried = await producer.call('flaky', { a: 4, b: 0 }, { maxAttempts: 2 });
const { id } = await producer.enqueue('later', { a: 0, b: 0 }, { delayMs: 3_600_000 });
const waiting = await admin.describeTask(id);
const cancelled = await admin.cancelTasks({ ids: [id] });
const states: string[] = [];
for await (const { state, queue } of observer.results({ from: 'oldest' })) {
  if (states.push(`${queue} ${state}`) === 3) break;
}
const queues: string[] = [];
for await (const { name } of admin.listAllQueues()) queues.push(name);
const clients: string[] = [];
for await (const one of admin.listAllClients()) clients.push(one.id);
const { version } = await admin.serverInfo();

await worker.drain({ deadlineMs: 5_000 });
await producer.close({ deadlineMs: 5_000 });
await Promise.all([observer.close(), admin.close()]);
console.log(
  JSON.stringify({
    sum,
    retried,
    later: waiting.queue,
    cancelled: JSON.stringify(cancelled, (_, value) => (typeof value === 'bigint' ? Number(value) : value)),
    states: states.sort(),
    queues: queues.sort(),
    clients: clients.filter((one) => one === 'compat'),
    hasVersion: version.length > 0,
  }),
);
process.exit(0);
