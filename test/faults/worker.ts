import { setTimeout as sleep } from 'node:timers/promises';
import { createWorker } from '../../client/index.ts';
import { type Answer, answerJob, type Job } from './job.ts';
import { openJournal } from './journal.ts';

// A worker as a program of its own: node worker.ts '{"server": …}'. Prints each state of its connection, `began N`
// when the Nth handler is entered, and `warned …`; SIGTERM drains it.

export interface WorkerOrder {
  readonly server: string;
  readonly journal: string;
  readonly queue: string;
  /** In the journal. */
  readonly name: string;
  readonly concurrency: number;
  /** Told to the server; absent: the SDK draws one. */
  readonly clientId?: string;
}

const order = JSON.parse(process.argv[2]!) as WorkerOrder;
const journal = openJournal(order.journal);
let beganCount = 0;

const worker = createWorker<Job, Answer>({
  server: order.server,
  queues: [order.queue],
  concurrency: order.concurrency,
  ...(order.clientId === undefined ? {} : { clientId: order.clientId }),
  logger: { info: (message) => console.log(`said ${message}`), warn: (message) => console.log(`warned ${message}`) },
  handler: async (job, { taskId: id, delivery }) => {
    const about = { input: job.input, id, delivery, worker: order.name };
    journal.write([{ kind: 'began', ...about, at: Date.now() }]);
    beganCount += 1;
    if (beganCount <= 100 || beganCount % 100 === 0) console.log(`began ${beganCount}`);
    if (job.workMs > 0) await sleep(job.workMs);
    journal.write([{ kind: 'ended', ...about, at: Date.now() }]);
    return answerJob(job);
  },
});

let lastState = '';
worker.status$.subscribe(({ state }) => {
  if (state !== lastState) console.log(state);
  lastState = state;
});
process.on('SIGTERM', () => void worker.drain());
await worker.finished;
journal.close();
