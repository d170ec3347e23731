import { ContactError, createProducer, TaskFailed } from 'contactd';

// node examples/producer.ts [HOST:PORT] — a thousand tasks, a key of its own, and a call that waits for its answer.

const producer = createProducer({ server: process.argv[2] ?? '127.0.0.1:50051' });

// Calls of one turn travel together; ready() waits while too much is unacknowledged, so memory stays flat.
const stored: Promise<{ id: string }>[] = [];
for (let n = 1; n <= 1_000; n += 1) {
  await producer.ready();
  stored.push(
    producer.enqueue('words', { text: 'one two three'.repeat(n % 7) }, { priority: -1, expiresAfterMs: 3_600_000 }),
  );
}
await Promise.all(stored);
console.log(`${stored.length} tasks stored`);

// The same key again is the same task: safe to repeat after a crash of the producer.
for (let round = 1; round <= 2; round += 1) {
  const { id, deduplicated } = await producer.enqueue('words', { text: 'order 4711' }, { key: 'order-4711' });
  console.log(`${id} ${deduplicated ? 'was there already' : 'is new'}`);
}

try {
  console.log(await producer.call('words', { text: 'how many words' }, { deadlineMs: 30_000, priority: 1 }));
} catch (error) {
  if (error instanceof TaskFailed) console.log(`${error.taskId} ${error.state}: ${error.error?.message}`);
  else if (error instanceof ContactError) console.log(`no answer: ${error.code} ${error.message}`);
  else throw error;
}
await producer.close();
