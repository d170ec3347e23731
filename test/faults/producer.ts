import { createProducer } from '../../client/index.ts';
import { INPUT_KEY, type Job } from './job.ts';
import { type Entry, openJournal } from './journal.ts';

// A producer as a program of its own: node producer.ts '{"server": …}'. Prints `acknowledged N` for each hundred.

export interface ProducerOrder {
  readonly server: string;
  readonly journal: string;
  readonly queue: string;
  readonly count: number;
  /** One task in so many takes time, the others none. */
  readonly slowEvery: number;
  /** At least and at most so many milliseconds. */
  readonly slowMs: readonly [number, number];
}

/** Tasks handed to the SDK in one turn. */
const TURN = 100;

const order = JSON.parse(process.argv[2]!) as ProducerOrder;
const journal = openJournal(order.journal);
const producer = createProducer({
  server: order.server,
  logger: { info: () => {}, warn: (message) => console.error(message) },
});
let acknowledgedCount = 0;
let news: Entry[] = [];

function note(entry: Entry): void {
  if (news.length === 0) {
    setImmediate(() => {
      journal.write(news);
      news = [];
    });
  }
  news.push(entry);
  acknowledgedCount += 1;
  if (acknowledgedCount % TURN === 0) console.log(`acknowledged ${acknowledgedCount}`);
}

async function enqueue(input: number): Promise<void> {
  const [least, most] = order.slowMs;
  const workMs = input % order.slowEvery === 0 ? least + (((input / order.slowEvery) * 37) % (most - least + 1)) : 0;
  const job: Job = { input, workMs };
  const { id } = await producer.enqueue(order.queue, job, { metadata: { [INPUT_KEY]: String(input) } });
  note({ kind: 'acknowledged', input, id });
}

const enqueued: Promise<void>[] = [];
for (let first = 0; first < order.count; first += TURN) {
  await producer.ready();
  const inputs = Array.from({ length: Math.min(TURN, order.count - first) }, (_, place) => first + place);
  journal.write(inputs.map((input) => ({ kind: 'sent', input })));
  for (const input of inputs) enqueued.push(enqueue(input));
  await new Promise((resolve) => setImmediate(resolve));
}
await Promise.all(enqueued);
await producer.close();
journal.write(news);
journal.close();
