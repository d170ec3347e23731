import { createWorker } from '../../client/index.ts';
import { type Answer, type Question, readAnswer } from './answer.ts';

// One worker process of the demo: `node worker.ts HOST:PORT NAME`.

const [server = '127.0.0.1:50051', name = 'worker'] = process.argv.slice(2);
let running = 0;
/** The most since it was last told, because files take less time than the eye. */
let peak = 0;

const worker = createWorker<Question, Answer>({
  server,
  queues: ['files'],
  clientId: name,
  concurrency: 4,
  prefetch: 12,
  handler: async ({ path }) => {
    running += 1;
    peak = Math.max(peak, running);
    try {
      return await readAnswer(path);
    } finally {
      running -= 1;
    }
  },
});

await worker.connected();
process.send?.({ running });
// For the progress bars only.
const timer = setInterval(() => {
  process.send?.({ running: peak });
  peak = running;
}, 100);

process.on('SIGTERM', () => void worker.drain());
// The demo has gone without a word: so do we.
process.on('disconnect', () => process.exit());
await worker.finished;
clearInterval(timer);
process.disconnect?.();
